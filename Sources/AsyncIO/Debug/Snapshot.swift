internal import AsyncIOSystem

// What a tool is told of a loop. The loop's thread notes the facts, of which addresses are
// the costly part to put words to; another thread does that, and makes JSON of it all. Times
// are nanoseconds.

/// The state of a loop and its tasks at one moment.
struct LoopSnapshot: Sendable {
    fileprivate struct TaskFacts: Sendable {
        let members: [(String, JSON)]
        let addresses: [CodeAddresses]?
    }

    private let statistics: LoopStatistics
    private let busy: Int64
    private let isDebug: Bool
    private let tasks: [TaskFacts]
    private let deadlocks: [[UInt64]]

    /// How many tasks are told of; the others are counted.
    private static let limit = 10_000

    /// Loop thread only.
    ///
    /// - Parameter withStacks: whether to note where each task is.
    init(of loop: EventLoop, withStacks: Bool) {
        let graph = AwaitGraph(of: loop)
        let all = loop.tasks.all
        loop.stepTimes.keepOnly(Set(all.map(\.number)))
        statistics = loop.statistics
        busy = loop.stepTimes.all.total
        isDebug = loop.debug
        let sleeps = loop.timers.sleeps
        tasks = all.prefix(Self.limit).map { task in
            TaskFacts(
                members: task.facts(loop.stepTimes.figures[task.number], graph.awaiters(of: task), sleeps),
                addresses: withStacks ? task.suspendedFrames(besides: nil) : nil)
        }
        deadlocks = graph.deadlocks.map { $0.map(\.number) }
    }

    /// Any thread. Slow the first time, when the program's debugging information is read.
    var json: JSON {
        .object([
            ("pid", JSON(ThisProcess.id)),
            ("program", .string(ThisProcess.name)),
            ("blocked", .null),
            (
                "loop",
                .object([
                    ("turns", JSON(statistics.turns)), ("steps", JSON(statistics.steps)),
                    ("tasks", JSON(statistics.tasks)), ("ready", JSON(statistics.ready)),
                    ("timers", JSON(statistics.timers)), ("descriptors", JSON(statistics.descriptors)),
                    ("lag", JSON(statistics.lag)), ("longestLag", JSON(statistics.longestLag)),
                    ("stalls", JSON(statistics.stalls)), ("longestStall", JSON(statistics.longestStall)),
                    ("busy", JSON(busy)), ("debug", .bool(isDebug)),
                ])
            ),
            (
                "tasks",
                .array(
                    tasks.map { task in
                        guard let addresses = task.addresses else { return .object(task.members) }
                        let frames = addresses.flatMap { CallGraphFrame.users(among: Symbolizer.places(of: $0)) }
                        return .object(task.members + [("stack", .array(frames.map(\.asJSON)))])
                    })
            ),
            ("omitted", JSON(statistics.tasks - tasks.count)),
            ("deadlocks", .array(deadlocks.map { .array($0.map { JSON($0) }) })),
        ])
    }
}

extension BlockedLoopReport {
    /// What can be said of a loop that does not answer.
    var json: JSON {
        .object([
            ("pid", JSON(ThisProcess.id)),
            ("program", .string(ThisProcess.name)),
            (
                "blocked",
                .object([
                    ("task", JSON(task)), ("created", JSON(created?.description)),
                    ("duration", JSON(duration)), ("stack", .array(stack.map(\.asJSON))),
                ])
            ),
        ])
    }
}

extension AnyAsyncTask {
    fileprivate func facts(
        _ figures: StepTimes.Figures?, _ awaiters: [AnyAsyncTask], _ sleeps: [ObjectIdentifier: Int64]
    ) -> [(String, JSON)] {
        [
            ("id", JSON(number)),
            ("name", .string(name)),
            ("state", .string(activity.name)),
            ("waitsFor", .string(waitText { sleeps[ObjectIdentifier($0)] })),
            ("since", JSON(waitedFor)),
            ("created", JSON(site?.description)),
            ("cancelling", JSON(cancelling)),
            ("steps", JSON(figures?.steps ?? 0)),
            ("runTime", JSON(figures?.total ?? 0)),
            ("longestStep", JSON(figures?.longest ?? 0)),
            ("awaitedBy", .array(awaiters.map { JSON($0.number) })),
        ]
    }
}

extension CallGraphFrame {
    fileprivate var asJSON: JSON {
        .object([
            ("function", .string(function)), ("file", JSON(file)), ("line", JSON(line)), ("async", .bool(isAsync)),
        ])
    }
}

extension AnyAsyncTask.Activity {
    fileprivate var name: String {
        switch self {
        case .created: "created"
        case .running: "running"
        case .ready: "ready"
        case .waiting: "waiting"
        case .elsewhere: "foreign"
        case .ended: "ended"
        }
    }
}
