internal import AsyncIOSystem
internal import Foundation

/// The state of a program's loops. Times are in nanoseconds. See Snapshot.swift in AsyncIO.
struct Snapshot {
    var pid: Int32
    var program: String
    /// The loops, of which there is at least one.
    var loops: [Loop]

    struct Loop: Decodable {
        var id: UInt32
        var name: String
        /// The reason why no other information is available.
        var error: String?
        /// The reason why there are no tasks, if the loop is blocked.
        var blocked: Blocked?
        var figures: Figures?
        var tasks: [TaskFacts]?
        var omitted: Int?
        var stacksOmitted: Int?
        /// The cycles of tasks that are waiting for each other, as task IDs.
        var deadlocks: [[UInt64]]?
    }

    struct Blocked: Decodable {
        var task: String?
        var created: String?
        var duration: Int64
        var stack: [Frame]
    }

    struct Figures: Decodable {
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
            return Self.text(Self.shortened(file), line)
        }

        /// Returns the path, relative to the working directory if the file is below it.
        static func shortened(_ path: String) -> String {
            let here = FileManager.default.currentDirectoryPath + "/"
            return path.hasPrefix(here) ? String(path.dropFirst(here.count)) : path
        }

        private static func text(_ file: String, _ line: Int) -> String { line > 0 ? "\(file):\(line)" : file }
    }
}

extension Snapshot {
    /// The name and ID of the process.
    var title: String { "\(program) (\(pid))" }

    /// Whether lines about a loop must name the loop.
    var hasSeveralLoops: Bool { loops.count > 1 }

    /// Lines that describe the loops that do not respond, and one line for each cycle of tasks that are waiting for
    /// each other.
    var alarmLines: [String] { loops.flatMap(blockedLines) + loops.flatMap(deadlockLines) }

    func blockedLines(of loop: Loop) -> [String] { loop.blockedLines(isNamed: hasSeveralLoops) }
    func deadlockLines(of loop: Loop) -> [String] { loop.deadlockLines(isNamed: hasSeveralLoops) }
}

extension Snapshot.Loop {
    /// The tasks in the form that a tree is built from.
    var treeTasks: [TaskTree.Task] {
        (tasks ?? []).map { task in
            TaskTree.Task(
                number: task.id, name: task.name, state: task.state, waitsFor: task.waitsFor, since: task.since,
                stack: (task.stack ?? []).map { ($0.place, $0.function) }, created: task.created,
                awaitedBy: task.awaitedBy)
        }
    }

    /// The tasks as a tree.
    var treeLines: [String] {
        let alarm = blockedLines(isNamed: false)
        if tasks == nil { return alarm }
        return alarm
            + TaskTree.lines(
                of: treeTasks, deadlocks: deadlocks ?? [], omitted: omitted ?? 0, stacksOmitted: stacksOmitted ?? 0)
    }

    /// Returns one line for each cycle of tasks that are waiting for each other.
    func deadlockLines(isNamed: Bool) -> [String] {
        TaskTree.deadlockLines(deadlocks ?? [], among: treeTasks, loop: isNamed ? name : nil)
    }

    /// Returns lines that describe a loop that does not respond.
    func blockedLines(isNamed: Bool) -> [String] {
        if let error { return [isNamed ? "loop \"\(name)\": \(error)" : error] }
        guard let blocked else { return [] }
        let loop = isNamed ? " \"\(name)\"" : ""
        let subject = blocked.task.map { "task \"\($0)\"" } ?? "a callback"
        let created = blocked.created.map { ", created at \($0)," } ?? ""
        let duration = timeInWords(nanoseconds: blocked.duration)
        return ["The event loop\(loop) has been blocked for \(duration): \(subject)\(created) is running"]
            + blocked.stack.map { "    \($0.function) at \($0.place)" }
    }
}

extension Snapshot.Figures {
    /// Combines the figures of two loops. Counts are added, and the longer of two durations is used. Another process
    /// can send any numbers, so a sum could overflow.
    static func + (one: Self, other: Self) -> Self {
        Self(
            turns: one.turns &+ other.turns, steps: one.steps &+ other.steps, tasks: one.tasks &+ other.tasks,
            ready: one.ready &+ other.ready, timers: one.timers &+ other.timers,
            descriptors: one.descriptors &+ other.descriptors, connections: one.connections &+ other.connections,
            received: one.received &+ other.received, sent: one.sent &+ other.sent, lag: max(one.lag, other.lag),
            longestLag: max(one.longestLag, other.longestLag), stalls: one.stalls &+ other.stalls,
            longestStall: max(one.longestStall, other.longestStall), busy: one.busy &+ other.busy,
            debug: one.debug || other.debug)
    }
}

extension Snapshot.TaskFacts {
    /// The place of the task, which is in the innermost of the program's own functions.
    var place: String? { stack?.first.map { "\($0.place) in \($0.function)" } }
    var shortPlace: String? { stack?.first.map { "\($0.shortPlace) in \($0.function)" } }
}

// MARK: Text from another process

extension Snapshot {
    /// A copy of the snapshot whose text contains no terminal control sequences.
    var printable: Snapshot {
        var copy = self
        copy.program = AsyncIOSystem.printable(program)
        for index in loops.indices { copy.loops[index].makePrintable() }
        return copy
    }
}

extension Snapshot.Loop {
    fileprivate mutating func makePrintable() {
        name = printable(name)
        error = error.map(printable)
        blocked?.makePrintable()
        for index in (tasks ?? []).indices { tasks?[index].makePrintable() }
    }
}

extension Snapshot.Blocked {
    fileprivate mutating func makePrintable() {
        task = task.map(printable)
        created = created.map { printable(Snapshot.Frame.shortened($0)) }
        for index in stack.indices { stack[index].makePrintable() }
    }
}

extension Snapshot.TaskFacts {
    fileprivate mutating func makePrintable() {
        name = printable(name)
        state = printable(state)
        waitsFor = printable(waitsFor)
        created = created.map { printable(Snapshot.Frame.shortened($0)) }
        for index in (stack ?? []).indices { stack?[index].makePrintable() }
    }
}

extension Snapshot.Frame {
    fileprivate mutating func makePrintable() {
        function = printable(function)
        file = file.map(printable)
    }
}
