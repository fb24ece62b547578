internal import AsyncIOSystem

extension LoopSnapshot {
    /// The tasks in words; see `TaskTree`.
    var tree: String {
        let tasks = tasks.map { task in
            TaskTree.Task(
                number: task.number, name: task.name, state: task.state, waitsFor: task.waitsFor,
                since: task.since?.roundedUpNanoseconds,
                stack: task.stack.map { ($0.location, $0.function) }, created: task.created?.description,
                awaitedBy: task.awaitedBy)
        }
        return TaskTree.lines(of: tasks, deadlocks: deadlocks, omitted: omitted, stacksOmitted: stacksOmitted)
            .joined(separator: "\n")
    }
}

extension BlockedLoopReport {
    /// What can be said of a loop that does not answer.
    var tree: String {
        ([description] + stack.map { "    \($0.function) at \($0.location)" }).map(printable).joined(separator: "\n")
    }
}

/// All tasks of the running loop in words: who waits for whom and what, since when and
/// where; and who waits in a circle.
///
/// - Throws: ``RuntimeError`` if no loop runs here.
///
/// asyncio: `python -m asyncio pstree`.
public func formatTaskTree() throws(RuntimeError) -> String {
    LoopSnapshot(of: try EventLoop.running, stacks: .all).tree
}
