/// Tasks as a tree in text form. The tree starts with the tasks that no other task is waiting for. Each task is
/// followed by the tasks that it is waiting for. Deadlocks are listed first. The library and the tool use the same
/// form.
package struct TaskTree {
    package struct Task {
        package var number: UInt64
        package var name: String
        /// The state of the task, such as `waits for Lock.acquire(), since 3 s`.
        package var state: String
        package var waitsFor: String
        /// The task's stack, innermost frame first. Each frame has a place (file and line) and a function.
        package var stack: [(place: String, function: String)]
        package var created: String?
        /// The numbers of the tasks that are waiting for this task.
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
    /// For each waiting task's number, the tasks that it is waiting for.
    private var awaited: [UInt64: [Task]] = [:]

    private init(_ tasks: [Task]) {
        self.tasks = tasks
        for task in tasks {
            for awaiter in task.awaitedBy { awaited[awaiter, default: []].append(task) }
        }
    }

    /// - Parameters:
    ///   - omitted: The number of tasks that were left out.
    ///   - stacksOmitted: The number of tasks whose stacks were left out to save time.
    package static func lines(
        of tasks: [Task], deadlocks: [[UInt64]], omitted: Int, stacksOmitted: Int
    ) -> [String] {
        var tree = TaskTree(tasks)
        tree.lines = deadlockLines(deadlocks, among: tasks)
        let roots = tasks.filter(\.awaitedBy.isEmpty)
        for (index, root) in roots.enumerated() { tree.add(root, indentation: "", isLast: index == roots.count - 1) }
        // Tasks in a cycle have no root.
        for task in tasks where !tree.shown.contains(task.number) { tree.add(task, indentation: "", isLast: true) }
        if omitted > 0 { tree.lines.append("… and \(omitted) more") }
        if stacksOmitted > 0 { tree.lines.append("(without the stacks of the \(stacksOmitted) youngest tasks)") }
        return tree.lines.isEmpty ? ["no tasks"] : tree.lines
    }

    /// Returns the texts of several loops, each with a heading, or the text of a single loop without a heading.
    package static func lines(ofLoops loops: [(name: String, lines: [String])]) -> [String] {
        if loops.count == 1 { return loops[0].lines }
        return Array(loops.map { [heading(ofLoop: $0.name)] + $0.lines }.joined(separator: [""]))
    }

    package static func heading(ofLoop name: String) -> String { "loop \"\(printable(name))\":" }

    /// Returns a line for each cycle of tasks that are waiting for each other.
    ///
    /// - Parameter loop: The name of the tasks' loop, if the lines must contain it.
    package static func deadlockLines(
        _ cycles: [[UInt64]], among tasks: [Task], loop: String? = nil
    ) -> [String] {
        if cycles.isEmpty { return [] }
        let tasks = Dictionary(tasks.map { ($0.number, $0) }) { first, _ in first }
        let title = loop.map { "deadlock on loop \"\(printable($0))\": " } ?? "deadlock: "
        return cycles.map { cycle in
            title
                + cycle.compactMap { tasks[$0] }.map { task in
                    "\"\(printable(task.name))\" waits"
                        + (task.stack.first.map { " at \(printable($0.place))" } ?? "")
                        + " for \(printable(task.waitsFor))"
                }.joined(separator: "; ")
        }
    }

    /// The maximum depth. Tasks that are nested more deeply are shown at the top level.
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
