import AsyncIO

/// Runs one scenario and writes its trace.
///
/// The operations are in extensions, by topic. This is their shared state.
final class Interpreter {
    let scenario: Scenario
    /// The loop, in virtual time.
    let loop: EventLoop
    /// What runs the jobs of a loop that is not the process's.
    private let executor: AnyObject?
    /// Time zero.
    let epoch: ContinuousClock.Instant

    private(set) var lines: [String] = []
    private var latest = 0

    /// Everything that can be awaited or cancelled, by name.
    var refs: [String: any Awaitable] = [:]
    /// Primitives, queues, timeouts, and groups, by name.
    var objects: [String: AnyObject] = [:]
    var handles: [String: Handle] = [:]
    /// The latest done callback with each name.
    var callbacks: [CallbackKey: DoneCallback] = [:]
    var variables: [String: Int] = [:]

    struct CallbackKey: Hashable {
        let ref: String
        let name: String
    }

    /// The task or callback that performs an operation.
    struct Who {
        let name: String
        let isTask: Bool
    }

    /// How steps ended.
    enum Flow: Sendable {
        case next
        /// A `return` on its way out of blocks.
        case returned(Value)

        /// The value that a coroutine returns if it ends like this.
        var value: Value { if case .returned(let value) = self { value } else { .null } }
        var isReturn: Bool { if case .returned = self { true } else { false } }
    }

    /// - Parameter isOnItsOwn: Whether the loop is like that of an `EventLoopThread`, in a process with Swift's
    ///   own executors, instead of the process's loop.
    init(_ scenario: Scenario, isOnItsOwn: Bool) throws {
        self.scenario = scenario
        if isOnItsOwn {
            loop = try EventLoop(threadInVirtualTimeWithSeed: nil)
            executor = loop.makeExecutor()
        } else {
            loop = try EventLoop(virtualTimeWithSeed: nil)
            executor = nil
        }
        epoch = loop.now
        loop.setExceptionHandler { _ in }
    }

    /// The trace.
    func run() throws -> [String] {
        for (name, spec) in scenario.objects { try make(name, spec) }
        refs["main"] = loop.createTaskFromOutside(name: "main") { try await self.run("main", as: "main") }
        let isBeyondLimit = try loop.runUntilStalled(limit: scenario.limit)
        let left = loop.unfinishedTasks
        if isBeyondLimit { latest = now }
        finish(isBeyondLimit ? "timelimit" : left.isEmpty ? "end" : "deadlock", left)
        try loop.closeAsOwner()
        return lines
    }

    private func finish(_ outcome: String, _ left: [AnyAsyncTask] = []) {
        let names = left.isEmpty ? "" : " " + left.map(\.name).sorted().joined(separator: ",")
        lines.append("\(latest) - \(outcome)\(names)")
    }

    // MARK: Time and the trace

    /// Virtual milliseconds.
    var now: Int { milliseconds(loop.virtualElapsed ?? .zero) }

    func milliseconds(_ duration: Duration) -> Int { Int(duration / .milliseconds(1)) }

    /// The instant of an absolute time in a scenario.
    func instant(_ milliseconds: Int) -> ContinuousClock.Instant { epoch.advanced(by: .milliseconds(milliseconds)) }

    func log(_ who: Who, _ text: String) {
        latest = now
        lines.append("\(latest) \(who.name) \(text)")
    }

    // MARK: Names

    /// The awaitable of a ref; nil if it is not defined, which is logged.
    func ref(_ name: String, _ who: Who) -> (any Awaitable)? {
        let found = name == "self" ? (who.isTask ? currentTask() as? any Awaitable : nil) : refs[name]
        if found == nil { log(who, "noref \(name)") }
        return found
    }

    /// A primitive or a queue, which must exist.
    func object<Kind>(_ op: Op, as kind: Kind.Type = Kind.self) -> Kind {
        guard let object = objects[op.text("obj")], let found = object as? Kind else {
            malformed("no \(kind) \(op.text("obj"))")
        }
        return found
    }

    /// A timeout or group; nil if it is not defined, which is logged.
    func scope<Kind>(_ name: String, _ who: Who, as kind: Kind.Type = Kind.self) -> Kind? {
        // Not `objects[name] as? Kind`: with optimization, that crashes on nil (Swift 6.3.1).
        if let object = objects[name], let found = object as? Kind { return found }
        log(who, "noref \(name)")
        return nil
    }

    // MARK: Coroutines

    func steps(of coroutine: String) -> [Op] {
        guard let steps = scenario.coroutines[coroutine] else { malformed("no coroutine \(coroutine)") }
        return steps
    }

    /// Runs a coroutine as a task, or inline under a name of its own.
    func run(_ coroutine: String, as name: String) async throws -> Value {
        let who = Who(name: name, isTask: true)
        log(who, "start")
        do {
            let value = try await perform(steps(of: coroutine), who).value
            log(who, "end \(value.text)")
            return value
        } catch {
            log(who, error is CancellationError ? "cancelled" : "raised \(errorText(error))")
            throw error
        }
    }

    /// Creates a task from a coroutine. The task takes its name when it starts.
    func start(_ coroutine: String, as name: String, eager: Bool? = nil) -> AsyncTask<Value> {
        createTask(eager: eager ?? scenario.isEager) {
            currentTask()?.name = name
            return try await self.run(coroutine, as: name)
        }
    }
}
