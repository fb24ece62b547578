/// Runs tasks and restarts those that fail, in the manner of Erlang's supervisors.
///
/// ```swift
/// let supervisor = Supervisor(restarts: 5, per: .seconds(60))
/// supervisor.add("reader") { try await readAll() }
/// supervisor.add("writer", restart: .always) { try await writeAll() }
/// try await supervisor.run()
/// ```
///
/// A task that fails is restarted after the delay that the ``Backoff`` gives. If tasks fail too often, the supervisor
/// ends: it cancels the other tasks, waits for them, and throws a ``SupervisionError``. If the supervisor is itself
/// supervised, its own supervisor handles that error.
///
/// asyncio: none. Erlang: `supervisor`.
public final class Supervisor {
    /// Which tasks are restarted when one of them is restarted.
    public enum Strategy: Sendable {
        /// Only that task. Erlang: `one_for_one`.
        case oneForOne
        /// All of them. Erlang: `one_for_all`.
        case oneForAll
        /// That task, and those that were added after it. Erlang: `rest_for_one`.
        case restForOne
    }

    /// When a task is restarted.
    public enum Restart: Sendable {
        /// Whenever it ends. Erlang: `permanent`.
        case always
        /// When it throws an error. Erlang: `transient`.
        case onFailure
        /// Never. An error goes to the exception handler. Erlang: `temporary`.
        case never
    }

    private final class Child {
        let name: String
        let restart: Restart
        let start: (Duration) -> AsyncTask<Void>
        var task: AsyncTask<Void>?
        var failures = 0
        /// When the body begins to run, on the loop's clock.
        var begin: Int64 = 0

        init(_ name: String, _ restart: Restart, _ start: @escaping (Duration) -> AsyncTask<Void>) {
            self.name = name
            self.restart = restart
            self.start = start
        }
    }

    // Loop thread only.
    private let strategy: Strategy
    private let limit: Int
    private let period: Duration
    private let backoff: Backoff
    private let onRestart: (String, (any Error)?) -> Void
    private var children: [Child] = []
    private var isRunning = false
    /// The times of the latest restarts, oldest first.
    private var restarts: [Int64] = []
    private let ends = Queue<(Child, AsyncTask<Void>)>()
    private var generator = SystemRandomNumberGenerator()

    /// Creates a supervisor without tasks.
    ///
    /// - Parameters:
    ///   - strategy: Which tasks are restarted when one of them is restarted.
    ///   - restarts: The maximum number of restarts in `period`. With 0, the first failure ends the supervisor.
    ///   - period: The period in which restarts are counted. A task that has run for this long counts as healthy, and
    ///     its next delay is the initial one.
    ///   - backoff: How long to wait before a task is restarted. By default, there is no delay.
    ///   - onRestart: Called with the name of a task and its error, before the task is restarted. The error is `nil` if
    ///     the task returned.
    /// - Precondition: `restarts` is not negative, and `period` is positive. For numbers from outside the program, use
    ///   ``init(strategy:validatingRestarts:per:backoff:onRestart:)``.
    public init(
        strategy: Strategy = .oneForOne, restarts: Int = 3, per period: Duration = .seconds(5),
        backoff: Backoff = Backoff(initial: .zero), onRestart: @escaping (String, (any Error)?) -> Void = { _, _ in }
    ) {
        if let mistake = Self.mistake(restarts, period) {
            stop(mistake, instead: "Supervisor(validatingRestarts:per:)")
        }
        self.strategy = strategy
        limit = restarts
        self.period = period
        self.backoff = backoff
        self.onRestart = onRestart
    }

    /// Creates a supervisor from numbers that are computed or come from outside the program; see
    /// ``init(strategy:restarts:per:backoff:onRestart:)``.
    ///
    /// - Throws: ``ValueError`` if `restarts` is negative, or `period` is not positive.
    public convenience init(
        strategy: Strategy = .oneForOne, validatingRestarts restarts: Int, per period: Duration = .seconds(5),
        backoff: Backoff = Backoff(initial: .zero), onRestart: @escaping (String, (any Error)?) -> Void = { _, _ in }
    ) throws(ValueError) {
        if let mistake = Self.mistake(restarts, period) { throw ValueError(mistake) }
        self.init(strategy: strategy, restarts: restarts, per: period, backoff: backoff, onRestart: onRestart)
    }

    private static func mistake(_ restarts: Int, _ period: Duration) -> String? {
        if restarts < 0 { return "restarts must not be negative, got \(restarts)" }
        return period > .zero ? nil : "the period of restarts must be positive, got \(period)"
    }

    /// The names of the tasks that are running or about to be restarted, in the order in which they were added.
    public var names: [String] { children.filter { $0.task != nil }.map(\.name) }

    /// Adds a task. It starts when the supervisor starts to run, or at once if the supervisor is already running.
    ///
    /// - Parameters:
    ///   - name: The name of the task, for reports.
    ///   - restart: When the task is restarted.
    ///   - body: The body of the task, which runs again after each restart.
    public func add(
        _ name: String, restart: Restart = .onFailure, isolation: isolated (any Actor)? = #isolation,
        fileID: StaticString = #fileID, line: UInt = #line, _ body: @escaping () async throws -> Void
    ) {
        let child = Child(name, restart) { delay in
            createTask(name: name, isolation: isolation, fileID: fileID, line: line) {
                _ = isolation
                if delay > .zero { try await sleep(delay) }
                try await body()
            }
        }
        children.append(child)
        if isRunning { start(child, after: .zero) }
    }

    /// Runs the tasks until all of them have ended and none is to be restarted.
    ///
    /// - Throws: ``SupervisionError`` if there were too many restarts; ``RuntimeError`` if the supervisor is already
    ///   running; `CancellationError` if the task is cancelled. In the first and the last case, all tasks are cancelled
    ///   in the reverse order in which they were added, and have ended when this throws.
    public func run() async throws {
        if isRunning { throw RuntimeError("the supervisor is already running") }
        isRunning = true
        defer { isRunning = false }
        for child in children { start(child, after: .zero) }
        do {
            while children.contains(where: { $0.task != nil }) {
                let (child, task) = try await ends.get()
                // Tasks that were stopped because of another one have been replaced.
                if child.task === task { try await ended(child, task) }
            }
        } catch {
            // The error that ended the supervisor takes precedence over a cancellation in the meantime.
            try? await end(children)
            throw error
        }
    }

    // MARK: Internals

    private func start(_ child: Child, after delay: Duration) {
        child.begin = EventLoop.required(for: "Supervisor").time.advanced(by: delay)
        let task = child.start(delay)
        child.task = task
        task.onDone { [ends] _ in try ends.putNoWait((child, task)) }
    }

    private func end(_ children: [Child]) async throws {
        let tasks = children.reversed().compactMap { $0.task.take() }
        try await cancelAndJoin(tasks)
    }

    private func ended(_ child: Child, _ task: AsyncTask<Void>) async throws {
        child.task = nil
        let error: (any Error)? = task.wasCancelled ? CancellationError() : task.takeError()
        guard child.restart == .always || (child.restart == .onFailure && error != nil) else {
            children.removeAll { $0 === child }
            if let error, !task.wasCancelled { report(error, of: child) }
            return
        }
        try noteRestart(of: child, error)
        onRestart(child.name, error)
        let delay = delay(of: child)
        let others = dependents(of: child)
        try await end(others)
        // In the order in which they were added, including the one that failed.
        for other in children where other === child || others.contains(where: { $0 === other }) {
            start(other, after: delay)
        }
    }

    private func dependents(of child: Child) -> [Child] {
        switch strategy {
        case .oneForOne: []
        case .oneForAll: children.filter { $0 !== child && $0.task != nil }
        case .restForOne: children.drop { $0 !== child }.filter { $0 !== child && $0.task != nil }
        }
    }

    private func noteRestart(of child: Child, _ error: (any Error)?) throws {
        let now = EventLoop.required(for: "Supervisor").time
        restarts.removeAll { $0.advanced(by: period) <= now }
        restarts.append(now)
        guard restarts.count > limit else { return }
        throw SupervisionError(name: child.name, restarts: limit, period: period, underlyingError: error)
    }

    private func delay(of child: Child) -> Duration {
        let now = EventLoop.required(for: "Supervisor").time
        child.failures = child.begin.advanced(by: period) <= now ? 1 : child.failures + 1
        return backoff.delay(afterFailure: child.failures, using: &generator)
    }

    private func report(_ error: any Error, of child: Child) {
        EventLoop.report(
            ExceptionContext(
                message: "A supervised task failed and is not restarted", error: error, subject: child.name,
                task: child.name))
    }
}
