internal import AsyncIOSystem
internal import Foundation

/// The state of a program's loop. Times are in nanoseconds. See Snapshot.swift in AsyncIO.
struct Snapshot: Decodable {
    var error: String?
    var pid: Int32?
    var program: String?
    var blocked: Blocked?
    var loop: Loop?
    var tasks: [TaskFacts]?
    var omitted: Int?
    var stacksOmitted: Int?
    var deadlocks: [[UInt64]]?

    struct Blocked: Decodable {
        var task: String?
        var created: String?
        var duration: Int64
        var stack: [Frame]
    }

    struct Loop: Decodable {
        var name: String
        var turns: UInt64
        var steps: UInt64
        var tasks: Int
        var ready: Int
        var timers: Int
        var descriptors: Int
        var connections: Int
        var received: Int
        var sent: Int
        var lag: Int64
        var longestLag: Int64
        var stalls: Int
        var longestStall: Int64
        var busy: Int64
        var debug: Bool
    }

    struct TaskFacts: Decodable {
        var id: UInt64
        var name: String
        var state: String
        var waitsFor: String
        var since: Int64?
        var created: String?
        var cancelling: Int
        var steps: Int
        var runTime: Int64
        var longestStep: Int64
        var awaitedBy: [UInt64]
        var stack: [Frame]?
    }

    struct Frame: Decodable {
        var function: String
        var file: String?
        var line: Int
        var async: Bool

        /// The file and line without directories, for narrow columns.
        var shortPlace: String {
            guard let file else { return "(no line)" }
            return Self.text("\(file.split(separator: "/").last ?? "")", line)
        }

        /// The file and line, relative to the working directory if the file is below it.
        var place: String {
            guard let file else { return "(no line)" }
            let here = FileManager.default.currentDirectoryPath + "/"
            return Self.text(file.hasPrefix(here) ? String(file.dropFirst(here.count)) : file, line)
        }

        private static func text(_ file: String, _ line: Int) -> String { line > 0 ? "\(file):\(line)" : file }
    }
}

extension Snapshot {
    /// The name and ID of the process.
    var title: String { "\(program ?? "?") (\(pid ?? 0))" }

    /// The tasks in the form that a tree is built from.
    var treeTasks: [TaskTree.Task]? {
        tasks?.map { task in
            TaskTree.Task(
                number: task.id, name: task.name, state: task.state, waitsFor: task.waitsFor, since: task.since,
                stack: (task.stack ?? []).map { ($0.place, $0.function) }, created: task.created,
                awaitedBy: task.awaitedBy)
        }
    }

    /// One line for each cycle of tasks that wait for each other.
    var deadlockLines: [String] { TaskTree.deadlockLines(deadlocks ?? [], among: treeTasks ?? []) }

    /// What is known about a loop that does not respond.
    var blockedLines: [String] {
        guard let blocked else { return [] }
        let subject = blocked.task.map { "task \"\($0)\"" } ?? "a callback"
        let created = blocked.created.map { ", created at \($0)," } ?? ""
        return [
            "The event loop has been blocked for \(timeInWords(nanoseconds: blocked.duration)): \(subject)\(created) is running"
        ]
            + blocked.stack.map { "    \($0.function) at \($0.place)" }
    }
}

extension Snapshot.TaskFacts {
    /// Where the task is: the innermost of the program's own functions.
    var place: String? { stack?.first.map { "\($0.place) in \($0.function)" } }
    var shortPlace: String? { stack?.first.map { "\($0.shortPlace) in \($0.function)" } }
}

// MARK: Text from another process

extension Snapshot {
    /// A copy whose text contains no terminal control sequences.
    var printable: Snapshot {
        var copy = self
        copy.error = error.map(AsyncIOSystem.printable)
        copy.program = program.map(AsyncIOSystem.printable)
        copy.blocked?.makePrintable()
        copy.loop?.name = AsyncIOSystem.printable(loop?.name ?? "")
        for index in (copy.tasks ?? []).indices { copy.tasks?[index].makePrintable() }
        return copy
    }
}

extension Snapshot.Blocked {
    fileprivate mutating func makePrintable() {
        task = task.map(printable)
        created = created.map(printable)
        for index in stack.indices { stack[index].makePrintable() }
    }
}

extension Snapshot.TaskFacts {
    fileprivate mutating func makePrintable() {
        name = printable(name)
        state = printable(state)
        waitsFor = printable(waitsFor)
        created = created.map(printable)
        for index in (stack ?? []).indices { stack?[index].makePrintable() }
    }
}

extension Snapshot.Frame {
    fileprivate mutating func makePrintable() {
        function = printable(function)
        file = file.map(printable)
    }
}
