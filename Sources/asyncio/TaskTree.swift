internal import ArgumentParser

struct TaskTree: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pstree", abstract: "Shows who waits for whom, as a tree, and where.")

    @OptionGroup var target: Target

    func run() throws {
        let snapshot = try target.snapshot()
        for line in snapshot.blockedLines + snapshot.deadlockLines { print(line) }
        for line in Tree(snapshot).lines { print(line) }
    }
}

/// From those that nobody waits for, down to those that they wait for.
struct Tree {
    private(set) var lines: [String] = []
    private var shown: Set<UInt64> = []

    init(_ snapshot: Snapshot) {
        let tasks = snapshot.tasks ?? []
        var awaited: [UInt64: [Snapshot.TaskFacts]] = [:]
        for task in tasks {
            for awaiter in task.awaitedBy { awaited[awaiter, default: []].append(task) }
        }
        let roots = tasks.filter(\.awaitedBy.isEmpty)
        for (index, root) in roots.enumerated() {
            add(root, awaited, indentation: "", isLast: index == roots.count - 1)
        }
        // Circles have no root.
        for task in tasks where !shown.contains(task.id) { add(task, awaited, indentation: "", isLast: true) }
    }

    private mutating func add(
        _ task: Snapshot.TaskFacts, _ awaited: [UInt64: [Snapshot.TaskFacts]], indentation: String, isLast: Bool
    ) {
        let isNew = shown.insert(task.id).inserted
        let since = task.since.map { " since \(time($0))" } ?? ""
        let state = task.state == "waiting" ? "waits for \(task.waitsFor)\(since)" : task.state
        lines.append("\(indentation)\(isLast ? "└── " : "├── ")(T) \(task.name): \(isNew ? state : "(see above)")")
        guard isNew else { return }
        let inner = indentation + (isLast ? "    " : "│   ")
        let children = awaited[task.id] ?? []
        for frame in task.stack ?? [] {
            lines.append("\(inner)\(children.isEmpty ? " " : "│")   \(frame.function) at \(frame.place)")
        }
        for (index, child) in children.enumerated() {
            add(child, awaited, indentation: inner, isLast: index == children.count - 1)
        }
    }
}
