// The primitives report their state in two ways: `statistics` is for programs, and `description` is for people. Both
// are computed on demand.

extension WaitQueue {
    /// The waiting tasks, in order.
    var tasks: [AnyAsyncTask] { waiters.flatMap(\.waitingTasks) }

    /// The number of waiters, including plain Swift tasks.
    var count: Int { waiters.count { !$0.isDone } }

    fileprivate var text: String {
        let count = self.count
        return count == 0 ? "no waiters" : count == 1 ? "1 waiter" : "\(count) waiters"
    }
}

extension Lock: CustomStringConvertible {
    /// The task that holds the lock. The value is `nil` if the lock is free, or if a plain Swift task or an ended task
    /// holds it.
    ///
    /// - Complexity: O(*n*), where *n* is the number of the loop's tasks.
    public var owner: AnyAsyncTask? {
        guard ownerNumber > 0 else { return nil }
        return EventLoop.here?.tasks[number: ownerNumber]
    }

    /// The state of a ``Lock`` at one moment.
    public struct Statistics {
        /// Whether the lock is held.
        public let isLocked: Bool
        /// The task that holds the lock; see ``Lock/owner``.
        public let owner: AnyAsyncTask?
        /// The tasks that are waiting for the lock, in FIFO order. Plain Swift tasks are not listed.
        public let waiters: [AnyAsyncTask]
    }

    /// The current state of the lock.
    ///
    /// - Complexity: O(*n*), where *n* is the number of waiters and the loop's tasks.
    public var statistics: Statistics { Statistics(isLocked: isLocked, owner: owner, waiters: line.tasks) }

    /// A description of the lock, with its holder and the number of waiters.
    public var description: String {
        guard isLocked else { return "Lock (free, \(line.text))" }
        let holder =
            owner.map { "\"\($0.name)\"" }
            ?? (ownerNumber > 0 ? "Task-\(ownerNumber), which has ended" : "a plain Swift task")
        return "Lock (held by \(holder), \(line.text))"
    }
}

extension Event: CustomStringConvertible {
    /// The state of an ``Event`` at one moment.
    public struct Statistics {
        /// Whether the event is set.
        public let isSet: Bool
        /// The tasks that are waiting for the event, in FIFO order. Plain Swift tasks are not listed.
        public let waiters: [AnyAsyncTask]
    }

    /// The current state of the event.
    ///
    /// - Complexity: O(*n*), where *n* is the number of waiters.
    public var statistics: Statistics { Statistics(isSet: isSet, waiters: line.tasks) }
    /// The state of the event as text.
    public var description: String { "Event (\(isSet ? "set" : "not set"), \(line.text))" }
}

extension Condition: CustomStringConvertible {
    /// The state of a ``Condition`` at one moment.
    public struct Statistics {
        /// The state of the condition's lock.
        public let lock: Lock.Statistics
        /// The tasks that are waiting to be notified, in FIFO order. Plain Swift tasks are not listed.
        public let waiters: [AnyAsyncTask]
    }

    /// The current state of the condition.
    ///
    /// - Complexity: O(*n*), where *n* is the number of waiters and the loop's tasks.
    public var statistics: Statistics { Statistics(lock: lock.statistics, waiters: line.tasks) }
    /// The state of the condition and its lock as text.
    public var description: String { "Condition (\(line.text); \(lock))" }
}

extension Semaphore: CustomStringConvertible {
    /// The state of a ``Semaphore`` at one moment.
    public struct Statistics {
        /// The number of times that the semaphore can be acquired without waiting.
        public let value: Int
        /// The maximum of `value` for a ``BoundedSemaphore``; `nil` for other semaphores.
        public let bound: Int?
        /// The tasks that are waiting for the semaphore, in FIFO order. Plain Swift tasks are not listed.
        public let waiters: [AnyAsyncTask]
    }

    /// The current state of the semaphore.
    ///
    /// - Complexity: O(*n*), where *n* is the number of waiters.
    public final var statistics: Statistics {
        Statistics(value: value, bound: (self as? BoundedSemaphore)?.bound, waiters: slots.line.tasks)
    }

    /// The state of the semaphore as text.
    public final var description: String {
        let bounded = self as? BoundedSemaphore
        let (name, bound) = (bounded == nil ? "Semaphore" : "BoundedSemaphore", bounded.map { " of \($0.bound)" } ?? "")
        return "\(name) (\(value)\(bound) left, \(slots.line.text))"
    }
}

extension Barrier: CustomStringConvertible {
    /// The state of a ``Barrier`` at one moment.
    public struct Statistics {
        /// The number of tasks that the barrier waits for.
        public let parties: Int
        /// The number of tasks that have arrived.
        public let waiting: Int
        /// Whether the barrier is broken; see ``Barrier/isBroken``.
        public let isBroken: Bool
        /// The tasks that are waiting at the barrier, in FIFO order. Plain Swift tasks are not listed.
        public let waiters: [AnyAsyncTask]
    }

    /// The current state of the barrier.
    ///
    /// - Complexity: O(*n*), where *n* is the number of waiters.
    public var statistics: Statistics {
        Statistics(parties: parties, waiting: waiting, isBroken: isBroken, waiters: condition.line.tasks)
    }

    /// The state of the barrier as text.
    public var description: String {
        "Barrier (\(isBroken ? "broken" : "\(waiting) of \(parties) waiting"))"
    }
}

/// The state of a ``Queue`` at one moment.
public struct QueueStatistics {
    /// The number of items in the queue.
    public let count: Int
    /// The maximum number of items; zero or less for no limit.
    public let maxSize: Int
    /// The number of items that were put into the queue and have not been reported as done with ``Queue/taskDone()``.
    public let unfinished: Int
    /// Whether the queue is shut down.
    public let isShutDown: Bool
    /// The tasks that are waiting for an item, in FIFO order. Plain Swift tasks are not listed.
    public let getters: [AnyAsyncTask]
    /// The tasks that are waiting for a free slot, in FIFO order. Plain Swift tasks are not listed.
    public let putters: [AnyAsyncTask]
}

extension QueueState {
    /// The number of items, as text.
    var facts: String {
        let size = maxSize > 0 ? "\(count) of \(maxSize) items" : count == 1 ? "1 item" : "\(count) items"
        return size + (isShutDown ? ", shut down" : "")
    }
}

extension Queue: CustomStringConvertible {
    /// The current state of the queue.
    ///
    /// - Complexity: O(*n*), where *n* is the number of waiters.
    public final var statistics: QueueStatistics {
        QueueStatistics(
            count: count, maxSize: maxSize, unfinished: state.unfinished, isShutDown: isShutDown,
            getters: state.getters.tasks, putters: state.putters.tasks)
    }

    /// A description of the queue, with the number of items and the tasks that are waiting to get or put items.
    public final var description: String {
        "Queue (\(state.facts), getting: \(state.getters.text), putting: \(state.putters.text))"
    }
}

extension AsyncTaskGroup: CustomStringConvertible {
    /// The tasks of the group that have not ended, in the order in which they were created.
    ///
    /// - Complexity: O(*n*), where *n* is the number of tasks.
    public var tasks: [AnyAsyncTask] { children.all }

    /// The number of tasks as text.
    public var description: String {
        let count = tasks.count
        return "AsyncTaskGroup (\(count) \(count == 1 ? "task" : "tasks"))"
    }
}

extension Lock: HeldByTasks {
    var holders: [AnyAsyncTask] { owner.map { [$0] } ?? [] }
}
