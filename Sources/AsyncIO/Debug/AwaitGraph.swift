/// The wait relations among the tasks of a loop at one moment. This type is used only on the loop's thread.
struct AwaitGraph {
    private let tasks: [AnyAsyncTask]
    /// For each future, the tasks that are waiting for it.
    private var awaiters: [ObjectIdentifier: [AnyAsyncTask]] = [:]
    /// For each task, the tasks that must act before it can continue.
    private var blockers: [ObjectIdentifier: [AnyAsyncTask]] = [:]

    init(of loop: EventLoop) {
        tasks = loop.tasks.all
        for task in tasks {
            guard case .waiting(let future) = task.activity else { continue }
            let awaited = Self.everything(awaitedThrough: future)
            for end in awaited { awaiters[ObjectIdentifier(end), default: []].append(task) }
            if future.waitSubject is WaitedFutures { continue }
            blockers[ObjectIdentifier(task)] =
                awaited.compactMap { $0 as? AnyAsyncTask }.filter { !$0.isDone }
                + ((future.waitSubject as? any HeldByTasks)?.holders ?? [])
        }
    }

    /// Returns the future itself and every future that it waits for, directly or indirectly.
    private static func everything(awaitedThrough future: FutureBase) -> [FutureBase] {
        var found: [FutureBase] = []
        var seen: Set<ObjectIdentifier> = []
        var left = [future]
        while let next = left.popLast() {
            guard seen.insert(ObjectIdentifier(next)).inserted else { continue }
            found.append(next)
            // Do not follow what a task itself waits for.
            if !(next is AnyAsyncTask) { left += next.awaited.reversed() }
        }
        return found
    }

    func awaiters(of future: FutureBase) -> [AnyAsyncTask] { awaiters[ObjectIdentifier(future)] ?? [] }
    func blockers(of task: AnyAsyncTask) -> [AnyAsyncTask] { blockers[ObjectIdentifier(task)] ?? [] }

    // MARK: Call graphs

    /// Returns the call graph of a future.
    ///
    /// - Parameter depth: The number of levels of awaiting tasks to include. A chain can be long, and both this method
    ///   and its callers follow the chain recursively.
    func callGraph(
        of future: FutureBase, limit: Int?, depth: Int = 100, _ seen: inout Set<ObjectIdentifier>
    ) -> FutureCallGraph {
        let isFirst = seen.insert(ObjectIdentifier(future)).inserted && depth > 0
        return FutureCallGraph(
            future: future, stack: (future as? AnyAsyncTask)?.capturedStack ?? .suspended([]), limit: limit,
            awaitedBy: isFirst
                ? awaiters(of: future).map { callGraph(of: $0, limit: limit, depth: depth - 1, &seen) } : [])
    }

    // MARK: Deadlocks

    /// The cycles of tasks that are waiting for each other and can never continue. Each cycle is listed once, starting
    /// with its oldest task.
    //
    // A task in a cycle may also wait for other tasks, as with gather. It needs all of them to end, so a single task
    // that never ends causes a deadlock. Only `wait(returnWhen:)` can return before all of them have ended, so it is
    // left out.
    var deadlocks: [[AnyAsyncTask]] {
        var cycles: [[AnyAsyncTask]] = []
        var done: Set<ObjectIdentifier> = []
        for task in tasks where !done.contains(ObjectIdentifier(task)) {
            search(from: task, &done, &cycles)
        }
        return cycles
    }

    private func search(
        from task: AnyAsyncTask, _ done: inout Set<ObjectIdentifier>, _ cycles: inout [[AnyAsyncTask]]
    ) {
        // Iterative rather than recursive, because a chain of tasks can be long.
        var path: [AnyAsyncTask] = []
        var places: [ObjectIdentifier: Int] = [:]
        var rest: [[AnyAsyncTask]] = [[task]]
        while var candidates = rest.popLast() {
            guard let next = candidates.popLast() else {
                guard let finished = path.popLast() else { continue }
                places[ObjectIdentifier(finished)] = nil
                done.insert(ObjectIdentifier(finished))
                continue
            }
            rest.append(candidates)
            if let start = places[ObjectIdentifier(next)] {
                cycles.append(Self.fromOldest(Array(path[start...])))
            } else if !done.contains(ObjectIdentifier(next)) {
                places[ObjectIdentifier(next)] = path.count
                path.append(next)
                rest.append(blockers(of: next))
            }
        }
    }

    private static func fromOldest(_ cycle: [AnyAsyncTask]) -> [AnyAsyncTask] {
        guard let oldest = cycle.indices.min(by: { cycle[$0].number < cycle[$1].number }) else { return cycle }
        return Array(cycle[oldest...] + cycle[..<oldest])
    }

    /// Returns a cycle as text, such as `"a" waits at main.swift:12 for Lock.acquire(), held by "b"; "b" waits …`.
    static func description(of cycle: [AnyAsyncTask]) -> String {
        cycle.map { task in
            "\"\(task.name)\" waits" + (task.stack.first.map { " at \($0.location)" } ?? "") + " for \(task.waitText)"
        }.joined(separator: "; ")
    }
}

extension EventLoop {
    /// Returns the cycles of tasks that are waiting for each other and can never continue. In a cycle, each task is
    /// waiting for a lock that another task holds, or for another task to end.
    ///
    /// Each cycle is listed once, starting with its oldest task. The array is empty if there is no deadlock. A task
    /// that waits for a lock that its own caller holds forms a cycle of one task.
    ///
    /// - Complexity: O(*n* log *n*), where *n* is the number of the loop's tasks and the futures that they wait for.
    public func deadlocks() -> [[AnyAsyncTask]] {
        assertUsable("deadlocks")
        return whileCurrent { AwaitGraph(of: self).deadlocks }
    }
}
