internal import AsyncIOSystem

// The information about a loop that is sent to a tool. The loop's thread records the facts. Symbolizing the addresses
// is the expensive part, so another thread does it and produces JSON or text.

/// The state of a loop and its tasks at one moment.
struct LoopSnapshot: Sendable {
    let statistics: LoopStatistics
    /// The total duration of the steps that were timed, in nanoseconds.
    let busy: Int64
    let isDebug: Bool
    let tasks: [TaskFacts]
    /// The cycles of tasks that are waiting for each other, as task numbers.
    let deadlocks: [[UInt64]]
    /// The number of tasks whose stacks were left out to save time.
    let stacksOmitted: Int

    struct TaskFacts: Sendable {
        let number: UInt64
        let name: String
        let state: String
        let waitsFor: String
        let since: Duration?
        let created: CreationSite?
        let cancelling: Int
        let times: StepTimer.Figures
        let awaitedBy: [UInt64]
        fileprivate let addresses: [CodeAddresses]

        /// The task's stack. The first access is slow, because it reads the program's debug information.
        var stack: [CallGraphFrame] {
            addresses.flatMap { CallGraphFrame.users(among: Symbolizer.places(of: $0)) }
        }
    }

    /// The maximum number of tasks in a snapshot, or in several snapshots that are sent together. Any further tasks are
    /// counted but not listed.
    static let limit = 10_000
    /// The maximum number of tasks whose stacks are recorded, so that the loop is not blocked for long. If a request
    /// does not choose tasks, the stacks of the oldest tasks are recorded. The same limit applies separately to the
    /// tasks in deadlocks.
    private static let stackLimit = 1_000

    /// Creates a snapshot. Call this initializer only on the loop's thread.
    ///
    /// - Parameters:
    ///   - stacks: The tasks whose stacks to record.
    ///   - limit: The maximum number of tasks.
    init(of loop: EventLoop, stacks: Stacks, limit: Int = LoopSnapshot.limit) {
        let graph = AwaitGraph(of: loop)
        let all = loop.tasks.all
        let times = loop.component(StepTimer.self)
        times.keepOnly(Set(all.map(\.number)))
        statistics = loop.statistics
        busy = times.all.total
        isDebug = loop.debug
        let sleeps = loop.timers.sleeps
        let carriers = loop.carriers.stored
        let deadlocks = graph.deadlocks.map { $0.map(\.number) }
        self.deadlocks = deadlocks
        let chosen = stacks.chosen(among: all, deadlocks, limit: Self.stackLimit)
        tasks = all.prefix(limit).map { task in
            TaskFacts(
                number: task.number, name: task.name, state: task.activity.name,
                waitsFor: task.waitText { sleeps[ObjectIdentifier($0)] }, since: task.waitedFor,
                created: task.site, cancelling: task.cancelling,
                times: times.figures[task.number] ?? StepTimer.Figures(),
                awaitedBy: graph.awaiters(of: task).map(\.number),
                addresses: chosen.contains(task.number)
                    ? task.suspendedFrames(stored: carriers[ObjectIdentifier(task)] ?? []) : [])
        }
        stacksOmitted = stacks.isNone ? 0 : tasks.count { !chosen.contains($0.number) }
    }

    /// The tasks whose stacks are recorded.
    enum Stacks: Sendable {
        case none
        case all
        /// The tasks with these numbers.
        case of(Set<UInt64>)

        fileprivate var isNone: Bool { if case .none = self { true } else { false } }

        fileprivate func chosen(
            among tasks: [AnyAsyncTask], _ deadlocks: [[UInt64]], limit: Int
        ) -> Set<UInt64> {
            switch self {
            case .none: []
            case .all: Set(deadlocks.joined().prefix(limit)).union(tasks.prefix(limit).map(\.number))
            case .of(let numbers): Set(numbers.prefix(limit)).union(deadlocks.joined().prefix(limit))
            }
        }
    }

    /// The number of tasks that are left out.
    var omitted: Int { statistics.tasks - tasks.count }
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
