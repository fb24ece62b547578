/// Who waits for whom among the tasks of a loop, at one moment. Loop thread only.
struct AwaitGraph {
    private let tasks: [AnyAsyncTask]
    /// For each future: the tasks that wait for it.
    private var awaiters: [ObjectIdentifier: [AnyAsyncTask]] = [:]
    /// For each task: the tasks that must do something before it can go on.
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

    /// The future itself, and all that it waits for in its turn.
    private static func everything(awaitedThrough future: FutureBase) -> [FutureBase] {
        var found: [FutureBase] = []
        var seen: Set<ObjectIdentifier> = []
        var left = [future]
        while let next = left.popLast() {
            guard seen.insert(ObjectIdentifier(next)).inserted else { continue }
            found.append(next)
            // A task's own waits are its own.
            if !(next is AnyAsyncTask) { left += next.awaited.reversed() }
        }
        return found
    }

    func awaiters(of future: FutureBase) -> [AnyAsyncTask] { awaiters[ObjectIdentifier(future)] ?? [] }
    func blockers(of task: AnyAsyncTask) -> [AnyAsyncTask] { blockers[ObjectIdentifier(task)] ?? [] }

    // MARK: Call graphs

    /// - Parameter depth: how many tasks on the way up are told of: a chain may be long, and is
    ///   followed by recursion here and in whoever walks the graph.
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

    /// Tasks that wait for each other in a circle, so that none of them can ever go on. Each
    /// circle once, from its oldest task.
    //
    // A task in a circle may wait for others too, as with gather; but for each of them it
    // needs the end, so that one that never comes is enough. Only `wait(returnWhen:)` may do
    // with another, and is left out.
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
        // By hand, not by recursion: a chain of tasks may be long.
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

    /// `"a" waits at main.swift:12 for Lock.acquire(), held by "b"; "b" waits …`
    static func description(of cycle: [AnyAsyncTask]) -> String {
        cycle.map { task in
            "\"\(task.name)\" waits" + (task.stack.first.map { " at \($0.location)" } ?? "") + " for \(task.waitText)"
        }.joined(separator: "; ")
    }
}

extension EventLoop {
    /// Tasks that wait for each other in a circle, so that none can ever go on: for locks
    /// that another one holds, or for another's end. Each circle once; empty if all is well.
    ///
    /// A task that waits for a lock that its own caller holds is a circle of one.
    public func deadlocks() -> [[AnyAsyncTask]] {
        assertUsable("deadlocks")
        return whileCurrent { AwaitGraph(of: self).deadlocks }
    }
}
