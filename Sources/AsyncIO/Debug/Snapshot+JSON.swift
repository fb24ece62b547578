internal import AsyncIOSystem

// Times are in nanoseconds.

extension LoopFinding {
    var json: JSON { .object(JSON.of(loop) + result.members) }
}

extension LoopFinding.Result {
    fileprivate var members: [(String, JSON)] {
        switch self {
        case .snapshot(let snapshot): [("blocked", .null)] + snapshot.members
        case .blocked(let report): [("blocked", report.json)]
        case .nothing(let why): [("error", .string(why))]
        }
    }
}

extension LoopSnapshot {
    fileprivate var members: [(String, JSON)] {
        // The stacks of all tasks are symbolized first, because they determine how creation sites are shown.
        let stacks = tasks.map(\.stack)
        return [
            ("figures", figures), ("tasks", .array(zip(tasks, stacks).map { $0.json(withStack: $1) })),
            ("omitted", JSON(omitted)), ("stacksOmitted", JSON(stacksOmitted)),
            ("deadlocks", .array(deadlocks.map { .array($0.map { JSON($0) }) })),
        ]
    }

    private var figures: JSON {
        .object([
            ("turns", JSON(statistics.turns)), ("steps", JSON(statistics.steps)),
            ("tasks", JSON(statistics.tasks)), ("ready", JSON(statistics.ready)),
            ("timers", JSON(statistics.timers)), ("descriptors", JSON(statistics.descriptors)),
            ("connections", JSON(statistics.connections)), ("received", JSON(statistics.bytesReceived)),
            ("sent", JSON(statistics.bytesSent)),
            ("lag", JSON(statistics.lag)), ("longestLag", JSON(statistics.longestLag)),
            ("stalls", JSON(statistics.stalls)), ("longestStall", JSON(statistics.longestStall)),
            ("busy", JSON(busy)), ("debug", .bool(isDebug)),
        ])
    }
}

extension LoopSnapshot.TaskFacts {
    fileprivate func json(withStack stack: [CallGraphFrame]) -> JSON {
        .object([
            ("id", JSON(number)), ("name", .string(name)), ("state", .string(state)),
            ("waitsFor", .string(waitsFor)), ("since", JSON(since)), ("created", JSON(created?.fullLocation)),
            ("cancelling", JSON(cancelling)), ("steps", JSON(times.steps)), ("runTime", JSON(times.total)),
            ("longestStep", JSON(times.longest)), ("awaitedBy", .array(awaitedBy.map { JSON($0) })),
            ("stack", .array(stack.map(\.json))),
        ])
    }
}

extension BlockedLoopReport {
    fileprivate var json: JSON {
        .object([
            ("task", JSON(task)), ("created", JSON(created?.fullLocation)), ("duration", JSON(duration)),
            ("stack", .array(stack.map(\.json))),
        ])
    }
}

extension CallGraphFrame {
    fileprivate var json: JSON {
        .object([
            ("function", .string(function)), ("file", JSON(file)), ("line", JSON(line)), ("async", .bool(isAsync)),
        ])
    }
}

extension JSON {
    /// The members that identify the program.
    static var process: [(String, JSON)] {
        [("pid", JSON(ThisProcess.id)), ("program", .string(ThisProcess.name))]
    }

    /// The members that identify a loop of the program.
    static func of(_ loop: EventLoop) -> [(String, JSON)] {
        [("id", JSON(loop.index)), ("name", .string(loop.name))]
    }
}
