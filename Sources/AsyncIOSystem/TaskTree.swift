/// Tasks as a tree in words: who waits for whom, from those that nobody waits for down to what
/// they wait for; and who waits in a circle. The library and the tool show the same.
package struct TaskTree {
    package struct Task {
        package var number: UInt64
        package var name: String
        /// `waits for Lock.acquire(), since 3 s`
        package var state: String
        package var waitsFor: String
        /// Where it is, innermost first: file and line, and the function.
        package var stack: [(place: String, function: String)]
        package var created: String?
        /// By number.
        package var awaitedBy: [UInt64]

        package init(
            number: UInt64, name: String, state: String, waitsFor: String, since: Int64?,
            stack: [(place: String, function: String)], created: String?, awaitedBy: [UInt64]
        ) {
            (self.number, self.name, self.waitsFor) = (number, name, waitsFor)
            let since = since.map { ", since \(timeInWords(nanoseconds: $0))" } ?? ""
            self.state = state == "waiting" ? "waits for \(waitsFor)\(since)" : state
            (self.stack, self.created, self.awaitedBy) = (stack, created, awaitedBy)
        }
    }

    private let tasks: [Task]
    private var lines: [String] = []
    private var shown: Set<UInt64> = []
    /// By the number of who waits: for whom.
    private var awaited: [UInt64: [Task]] = [:]

    private init(_ tasks: [Task]) {
        self.tasks = tasks
        for task in tasks {
            for awaiter in task.awaitedBy { awaited[awaiter, default: []].append(task) }
        }
    }

    /// - Parameters:
    ///   - omitted: how many tasks are not among these.
    ///   - stacksOmitted: how many have no stack for want of time.
    package static func lines(
        of tasks: [Task], deadlocks: [[UInt64]], omitted: Int, stacksOmitted: Int
    ) -> [String] {
        var tree = TaskTree(tasks)
        tree.lines = deadlockLines(deadlocks, among: tasks)
        let roots = tasks.filter(\.awaitedBy.isEmpty)
        for (index, root) in roots.enumerated() { tree.add(root, indentation: "", isLast: index == roots.count - 1) }
        // Those in a circle have no root.
        for task in tasks where !tree.shown.contains(task.number) { tree.add(task, indentation: "", isLast: true) }
        if omitted > 0 { tree.lines.append("… and \(omitted) more") }
        if stacksOmitted > 0 { tree.lines.append("(without the stacks of the \(stacksOmitted) youngest tasks)") }
        return tree.lines.isEmpty ? ["no tasks"] : tree.lines
    }

    /// A line for each circle of tasks that wait for each other.
    package static func deadlockLines(_ cycles: [[UInt64]], among tasks: [Task]) -> [String] {
        if cycles.isEmpty { return [] }
        let tasks = Dictionary(tasks.map { ($0.number, $0) }) { first, _ in first }
        return cycles.map { cycle in
            "deadlock: "
                + cycle.compactMap { tasks[$0] }.map { task in
                    "\"\(printable(task.name))\" waits"
                        + (task.stack.first.map { " at \(printable($0.place))" } ?? "")
                        + " for \(printable(task.waitsFor))"
                }.joined(separator: "; ")
        }
    }

    /// So many levels at the most: who is further down is shown beside the others.
    private static let deepest = 100

    private mutating func add(_ task: Task, indentation: String, isLast: Bool, depth: Int = 1) {
        let isNew = shown.insert(task.number).inserted
        let state = isNew ? printable(task.state) : "(see above)"
        lines.append("\(indentation)\(isLast ? "└── " : "├── ")(T) \(printable(task.name)): \(state)")
        guard isNew else { return }
        let inner = indentation + (isLast ? "    " : "│   ")
        let children = depth < Self.deepest ? awaited[task.number] ?? [] : []
        let bar = children.isEmpty ? " " : "│"
        for frame in task.stack {
            lines.append("\(inner)\(bar)   \(printable(frame.function)) at \(printable(frame.place))")
        }
        if let created = task.created { lines.append("\(inner)\(bar)   created at \(printable(created))") }
        for (index, child) in children.enumerated() {
            add(child, indentation: inner, isLast: index == children.count - 1, depth: depth + 1)
        }
    }
}
