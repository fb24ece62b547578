internal import AsyncIOSystem

extension LoopFinding.Result {
    /// The tasks as text, or the reason why no tasks are listed; see `TaskTree`.
    var lines: [String] {
        switch self {
        case .snapshot(let snapshot): snapshot.lines
        case .blocked(let report): report.lines
        case .nothing(let why): [why]
        }
    }
}

extension LoopSnapshot {
    fileprivate var lines: [String] {
        // The stacks of all tasks are symbolized first, because they determine how creation sites are shown.
        let stacks = tasks.map(\.stack)
        let tasks = zip(tasks, stacks).map { task, stack in
            TaskTree.Task(
                number: task.number, name: task.name, state: task.state, waitsFor: task.waitsFor,
                since: task.since?.roundedUpNanoseconds,
                stack: stack.map { ($0.location, $0.function) }, created: task.created?.location,
                awaitedBy: task.awaitedBy)
        }
        return TaskTree.lines(of: tasks, deadlocks: deadlocks, omitted: omitted, stacksOmitted: stacksOmitted)
    }
}

extension BlockedLoopReport {
    fileprivate var lines: [String] {
        ([description] + stack.map { "    \($0.function) at \($0.location)" }).map(printable)
    }
}

/// Returns all tasks of the running loop as a tree. For each task, the text describes what the task is waiting for,
/// where it is waiting, and how long it has been waiting. Deadlocks are listed first.
///
/// The tree contains at most 10,000 tasks. It contains the stacks of at most 1,000 tasks, and the stacks of at most
/// 1,000 additional tasks in deadlocks.
///
/// - Throws: ``RuntimeError`` if no event loop is running on this thread.
/// - Complexity: O(*n* log *n*), where *n* is the number of the loop's tasks.
///
/// asyncio: `python -m asyncio pstree`.
public func formatTaskTree() throws(RuntimeError) -> String {
    LoopSnapshot(of: try EventLoop.running, stacks: .all).lines.joined(separator: "\n")
}
