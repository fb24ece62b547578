// What the primitives say about themselves: `statistics` for programs, `description` for
// people. Both are made when somebody asks.

extension WaitQueue {
    /// The tasks in the line, in order.
    var tasks: [AnyAsyncTask] { waiters.flatMap(\.waitingTasks) }

    /// How many wait, plain Swift tasks too.
    var count: Int { waiters.count { !$0.isDone } }

    private var waiters: [Waiter] { Array(sequence(first: first, next: \.?.next).compactMap(\.self)) }

    fileprivate var text: String {
        let count = self.count
        return count == 0 ? "nobody waits" : count == 1 ? "1 waits" : "\(count) wait"
    }
}

extension Lock: CustomStringConvertible {
    /// The task that holds the lock; nil if it is free, or held by a plain Swift task, or by
    /// a task that has ended.
    public var owner: AnyAsyncTask? {
        guard ownerNumber > 0 else { return nil }
        return EventLoop.here?.tasks[number: ownerNumber]
    }

    public struct Statistics {
        public let isLocked: Bool
        /// Who holds it; see ``Lock/owner``.
        public let owner: AnyAsyncTask?
        /// Who waits for it, first come first.
        public let waiters: [AnyAsyncTask]
    }

    public var statistics: Statistics { Statistics(isLocked: isLocked, owner: owner, waiters: line.tasks) }

    public var description: String {
        guard isLocked else { return "Lock (free, \(line.text))" }
        let holder =
            owner.map { "\"\($0.name)\"" }
            ?? (ownerNumber > 0 ? "Task-\(ownerNumber), which has ended" : "a plain task")
        return "Lock (held by \(holder), \(line.text))"
    }
}

extension Event: CustomStringConvertible {
    public struct Statistics {
        public let isSet: Bool
        public let waiters: [AnyAsyncTask]
    }

    public var statistics: Statistics { Statistics(isSet: isSet, waiters: line.tasks) }
    public var description: String { "Event (\(isSet ? "set" : "not set"), \(line.text))" }
}

extension Condition: CustomStringConvertible {
    public struct Statistics {
        public let lock: Lock.Statistics
        /// Who waits to be notified.
        public let waiters: [AnyAsyncTask]
    }

    public var statistics: Statistics { Statistics(lock: lock.statistics, waiters: line.tasks) }
    public var description: String { "Condition (\(line.text); \(lock))" }
}

extension Semaphore: CustomStringConvertible {
    public struct Statistics {
        /// How many may still enter.
        public let value: Int
        /// How many there are at most, if there is a bound.
        public let bound: Int?
        public let waiters: [AnyAsyncTask]
    }

    public final var statistics: Statistics {
        Statistics(value: value, bound: (self as? BoundedSemaphore)?.bound, waiters: line.tasks)
    }

    public final var description: String {
        let bound = (self as? BoundedSemaphore).map { " of \($0.bound)" } ?? ""
        return "\(self is BoundedSemaphore ? "BoundedSemaphore" : "Semaphore") (\(value)\(bound) left, \(line.text))"
    }
}

extension Barrier: CustomStringConvertible {
    public struct Statistics {
        public let parties: Int
        /// How many have come.
        public let waiting: Int
        public let isBroken: Bool
        public let waiters: [AnyAsyncTask]
    }

    public var statistics: Statistics {
        Statistics(parties: parties, waiting: waiting, isBroken: isBroken, waiters: condition.line.tasks)
    }

    public var description: String {
        "Barrier (\(isBroken ? "broken" : "\(waiting) of \(parties) have come"))"
    }
}

/// The state of a ``Queue``.
public struct QueueStatistics {
    /// How many items are in it.
    public let count: Int
    /// How many fit; zero or less for no limit.
    public let maxSize: Int
    /// How many were put in and not reported done.
    public let unfinished: Int
    public let isShutDown: Bool
    /// Who waits for an item.
    public let getters: [AnyAsyncTask]
    /// Who waits for room.
    public let putters: [AnyAsyncTask]
}

extension QueueState {
    /// How full it is.
    var facts: String {
        let size = maxSize > 0 ? "\(count) of \(maxSize) items" : count == 1 ? "1 item" : "\(count) items"
        return size + (isShutDown ? ", shut down" : "")
    }
}

extension Queue: CustomStringConvertible {
    public final var statistics: QueueStatistics {
        QueueStatistics(
            count: count, maxSize: maxSize, unfinished: state.unfinished, isShutDown: isShutDown,
            getters: state.getters.tasks, putters: state.putters.tasks)
    }

    public final var description: String {
        "Queue (\(state.facts), getting: \(state.getters.text), putting: \(state.putters.text))"
    }
}

extension AsyncTaskGroup: CustomStringConvertible {
    /// The tasks of the group that have not ended, in the order they were made.
    public var tasks: [AnyAsyncTask] { children.all }

    public var description: String {
        let count = tasks.count
        return "AsyncTaskGroup (\(count) \(count == 1 ? "task" : "tasks"))"
    }
}
