internal import AsyncIOSystem

extension LoopSnapshot {
    /// The tasks in words: who waits for whom, from those that nobody waits for down to what
    /// they wait for; and who waits in a circle.
    var tree: String {
        var tree = TreeText(of: self)
        return tree.written()
    }
}

extension BlockedLoopReport {
    /// What can be said of a loop that does not answer.
    var tree: String {
        ([description] + stack.map { "    \($0.function) at \($0.place)" }).joined(separator: "\n")
    }
}

extension CallGraphFrame {
    /// File and line, as the compiler knew the file.
    var place: String { file.map { line > 0 ? "\($0):\(line)" : $0 } ?? "(no line)" }
}

/// Writes a snapshot as a tree.
private struct TreeText {
    private let snapshot: LoopSnapshot
    private var lines: [String] = []
    private var shown: Set<UInt64> = []
    /// By the number of who waits: for whom.
    private var awaited: [UInt64: [LoopSnapshot.TaskFacts]] = [:]

    init(of snapshot: LoopSnapshot) {
        self.snapshot = snapshot
        for task in snapshot.tasks {
            for awaiter in task.awaitedBy { awaited[awaiter, default: []].append(task) }
        }
    }

    mutating func written() -> String {
        for cycle in snapshot.deadlocks { addCycle(cycle) }
        let roots = snapshot.tasks.filter(\.awaitedBy.isEmpty)
        for (index, root) in roots.enumerated() { add(root, indentation: "", isLast: index == roots.count - 1) }
        // Those in a circle have no root.
        for task in snapshot.tasks where !shown.contains(task.number) { add(task, indentation: "", isLast: true) }
        if snapshot.omitted > 0 { lines.append("… and \(snapshot.omitted) more") }
        if snapshot.stacksOmitted > 0 {
            lines.append("(without the stacks of the \(snapshot.stacksOmitted) youngest tasks)")
        }
        if lines.isEmpty { lines.append("no tasks") }
        return lines.joined(separator: "\n")
    }

    private mutating func addCycle(_ cycle: [UInt64]) {
        let parts = cycle.compactMap { number in snapshot.tasks.first { $0.number == number } }.map { task in
            "\"\(task.name)\" waits" + (task.stack.first.map { " at \($0.place)" } ?? "") + " for \(task.waitsFor)"
        }
        lines.append("deadlock: " + parts.joined(separator: "; "))
    }

    /// So many levels at the most: who is further down is shown beside the others.
    private static let deepest = 100

    private mutating func add(
        _ task: LoopSnapshot.TaskFacts, indentation: String, isLast: Bool, depth: Int = 1
    ) {
        let isNew = shown.insert(task.number).inserted
        let since = task.since.map { ", since \($0.inWords)" } ?? ""
        let state = task.state == "waiting" ? "waits for \(task.waitsFor)\(since)" : task.state
        lines.append(
            "\(indentation)\(isLast ? "└── " : "├── ")(T) \(task.name): \(isNew ? state : "(see above)")")
        guard isNew else { return }
        let inner = indentation + (isLast ? "    " : "│   ")
        let children = depth < Self.deepest ? awaited[task.number] ?? [] : []
        let bar = children.isEmpty ? " " : "│"
        for frame in task.stack { lines.append("\(inner)\(bar)   \(frame.function) at \(frame.place)") }
        if let created = task.created { lines.append("\(inner)\(bar)   created at \(created)") }
        for (index, child) in children.enumerated() {
            add(child, indentation: inner, isLast: index == children.count - 1, depth: depth + 1)
        }
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
