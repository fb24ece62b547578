internal import AsyncIOSystem
internal import Foundation

/// What a program says of its loop. Times are nanoseconds. See Snapshot.swift of AsyncIO.
struct Snapshot: Decodable {
    var error: String?
    var tree: String?
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

        /// File and line, without the folders.
        var shortPlace: String {
            guard let file else { return "?" }
            return "\(file.split(separator: "/").last ?? "")" + ":\(line)"
        }

        /// File and line, from the working directory if the file is below it.
        var place: String {
            guard let file else { return "?" }
            let here = FileManager.default.currentDirectoryPath + "/"
            return "\(file.hasPrefix(here) ? String(file.dropFirst(here.count)) : file):\(line)"
        }
    }
}

extension Snapshot {
    /// Who it is of.
    var title: String { "\(program ?? "?") (\(pid ?? 0))" }

    func task(_ id: UInt64) -> TaskFacts? { tasks?.first { $0.id == id } }

    /// A line for each circle of tasks that wait for each other.
    var deadlockLines: [String] {
        (deadlocks ?? []).map { cycle in
            "deadlock: "
                + cycle.compactMap(task).map { task in
                    "\"\(task.name)\" waits" + (task.stack?.first.map { " at \($0.place)" } ?? "")
                        + " for \(task.waitsFor)"
                }.joined(separator: "; ")
        }
    }

    /// What is known if the loop does not answer.
    var blockedLines: [String] {
        guard let blocked else { return [] }
        let subject = blocked.task.map { "task \"\($0)\"" } ?? "a callback"
        let created = blocked.created.map { ", created at \($0)," } ?? ""
        return [
            "The event loop is blocked, for \(timeInWords(nanoseconds: blocked.duration)) so far: \(subject)\(created) is running"
        ]
            + blocked.stack.map { "    \($0.function) at \($0.place)" }
    }
}

extension Snapshot.TaskFacts {
    /// Where the task is: the nearest of the program's own functions.
    var place: String? { stack?.first.map { "\($0.shortPlace) in \($0.function)" } }
}
