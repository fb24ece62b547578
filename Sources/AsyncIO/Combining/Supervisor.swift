/// An object that runs tasks and restarts failed tasks, like a supervisor in Erlang.
///
/// ```swift
/// let supervisor = Supervisor(restarts: 5, per: .seconds(60))
/// supervisor.add("reader") { try await readAll() }
/// supervisor.add("writer", restart: .always) { try await writeAll() }
/// try await supervisor.run()
/// ```
///
/// A failed task is restarted after the delay that the ``Backoff`` specifies. If tasks fail too often, the supervisor
/// cancels the other tasks, waits for them, and throws a ``SupervisionError``. If the supervisor itself runs in a
/// supervised task, the outer supervisor handles that error.
///
/// While the supervisor runs, you can add, remove, restart, and list tasks; see ``children``.
///
/// asyncio: none. Erlang: `supervisor`.
public final class Supervisor {
    /// A policy that determines which tasks are restarted together.
    public enum Strategy: Sendable {
        /// Only the affected task is restarted. Erlang: `one_for_one`.
        case oneForOne
        /// All tasks are restarted. Erlang: `one_for_all`.
        case oneForAll
        /// The affected task and all tasks that were added after it are restarted. Erlang: `rest_for_one`.
        case restForOne
    }

    /// The condition under which a task is restarted.
    public enum Restart: Sendable {
        /// The task is restarted whenever it ends. Erlang: `permanent`.
        case always
        /// The task is restarted if it throws an error. Erlang: `transient`.
        case onFailure
        /// The task is never restarted. Its error goes to the loop's exception handler. Erlang: `temporary`.
        case never
    }

    /// The status of a supervised task; see ``Supervisor/children``.
    ///
    /// Erlang: an element of `which_children`.
    public struct ChildStatus: Sendable {
        /// The current state of a supervised task.
        public enum State: Sendable {
            /// Either the supervisor is not running, or the task is being stopped.
            case stopped
            /// The body is running.
            case running
            /// The body will run again after the restart delay.
            case waitingForRestart
        }

        /// The name of the task.
        public let name: String
        /// The condition under which the task is restarted.
        public let restart: Restart
        /// The current state of the task.
        public let state: State
        /// The number of times that the task has been restarted, for any reason.
        public let restarts: Int
        /// The latest error of the task, or `nil` if the task has not failed.
        public let lastError: (any Error)?
    }

    private final class Child {
        let name: String
        let restart: Restart
        let start: (Duration) -> AsyncTask<Void>
        var task: AsyncTask<Void>?
        /// Whether the task is being stopped intentionally. In that case, the supervisor does not react when the task
        /// ends.
        var isStopping = false
        var failures = 0
        var starts = 0
        var lastError: (any Error)?
        /// The time at which the body begins to run, on the loop's clock.
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
    private var all: [Child] = []
    private var isRunning = false
    /// Whether the supervisor is ending and is cancelling its tasks.
    private var isEnding = false
    /// The lock that is held while tasks are stopped and restarted, so that restarts do not overlap.
    private let changes = Lock()
    /// The times of the latest restarts, oldest first.
    private var restarts: [Int64] = []
    /// The tasks that have ended. A nil element indicates that the children changed in another way.
    private let ends = Queue<(Child, AsyncTask<Void>)?>()
    private var generator = SystemRandomNumberGenerator()

    /// Creates a supervisor without tasks.
    ///
    /// - Parameters:
    ///   - strategy: The policy that determines which tasks are restarted together.
    ///   - restarts: The maximum number of restarts in `period`. If this is 0, the first failure ends the supervisor.
    ///   - period: The period in which restarts are counted. A task that has run for at least one period counts as
    ///     healthy, and its next restart has the initial delay.
    ///   - backoff: The delays before a task is restarted. By default, there is no delay.
    ///   - onRestart: A function that is called with the name of a task and its error before the task is restarted. The
    ///     error is `nil` if the task returned.
    /// - Precondition: `restarts` is not negative, and `period` is positive. For numbers that are known only at run
    ///   time, use ``init(strategy:validatingRestarts:per:backoff:onRestart:)``.
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

    /// Creates a supervisor from numbers that are known only at run time; see
    /// ``init(strategy:restarts:per:backoff:onRestart:)``.
    ///
    /// - Throws: ``ValueError`` if `restarts` is negative or `period` is not positive.
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

    /// The names of the tasks that are running or are about to be restarted, in the order in which they were added.
    public var names: [String] { all.filter { $0.task != nil }.map(\.name) }

    /// The status of each task, in the order in which the tasks were added. Tasks that have ended and will not be
    /// restarted are not included.
    ///
    /// Erlang: `which_children`.
    public var children: [ChildStatus] {
        let now = EventLoop.required(for: "Supervisor").time
        return all.map { child in
            let state: ChildStatus.State =
                child.task == nil || child.isStopping ? .stopped : child.begin > now ? .waitingForRestart : .running
            return ChildStatus(
                name: child.name, restart: child.restart, state: state, restarts: max(0, child.starts - 1),
                lastError: child.lastError)
        }
    }

    /// Adds a task. The task starts when the supervisor starts to run, or immediately if the supervisor is already
    /// running.
    ///
    /// - Parameters:
    ///   - name: The name of the task in reports.
    ///   - restart: The condition under which the task is restarted.
    ///   - body: The body of the task. The body runs again each time the task is restarted.
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
        all.append(child)
        if isRunning, !isEnding { start(child, after: .zero) }
    }

    /// Cancels all tasks with the given name, waits until they have ended, and removes them.
    ///
    /// - Returns: Whether the supervisor had a task with the given name.
    /// - Throws: ``RuntimeError`` if one of these tasks calls this method, because the task would wait for itself;
    ///   `CancellationError` if the calling task is cancelled. If the calling task is cancelled, the tasks are still
    ///   cancelled and removed.
    ///
    /// Erlang: `terminate_child` and `delete_child`.
    @discardableResult
    public func remove(_ name: String) async throws -> Bool {
        try checkOutside(name, "remove()")
        let removed = all.filter { $0.name == name }
        all.removeAll { $0.name == name }
        defer { try? ends.putNoWait(nil) }
        try await changes.withLock { try await end(removed) }
        return !removed.isEmpty
    }

    /// Cancels all tasks with the given name, waits until they have ended, and immediately starts them again. These
    /// restarts do not count toward the restart limit. A task that is waiting to be restarted starts immediately.
    ///
    /// - Returns: Whether the supervisor had a task with the given name.
    /// - Throws: ``RuntimeError`` if the supervisor is not running, or if one of these tasks calls this method;
    ///   `CancellationError` if the calling task is cancelled. If the calling task is cancelled, the tasks are still
    ///   restarted, unless the call was still waiting for another restart or removal.
    ///
    /// Erlang: `terminate_child` and `restart_child`.
    @discardableResult
    public func restart(_ name: String) async throws -> Bool {
        guard isRunning, !isEnding else {
            throw RuntimeError("restart() was called on a Supervisor that is not running")
        }
        try checkOutside(name, "restart()")
        return try await changes.withLock {
            let restarted = all.filter { $0.name == name }
            var failure: (any Error)?
            do { try await end(restarted) } catch { failure = error }
            // Some may have been removed, and the supervisor may have ended, in the meantime.
            for child in restarted where !isEnding && all.contains(where: { $0 === child }) {
                start(child, after: .zero)
            }
            if let failure { throw failure }
            return !restarted.isEmpty
        }
    }

    private func checkOutside(_ name: String, _ method: String) throws(RuntimeError) {
        guard let task = runningTask(), let caller = all.first(where: { $0.task === task }) else { return }
        if caller.name == name {
            throw RuntimeError("\(method) waits for the end of \(name), and cannot be called by it")
        }
        if caller.isStopping { throw RuntimeError("\(method) was called by \(caller.name), which is being stopped") }
    }

    /// Runs the tasks until all tasks have ended and no task has to be restarted.
    ///
    /// - Throws: ``SupervisionError`` if there were too many restarts; ``RuntimeError`` if the supervisor is already
    ///   running; `CancellationError` if the task is cancelled. If there were too many restarts or the task is
    ///   cancelled, the supervisor cancels all tasks in reverse order, beginning with the most recently added task.
    ///   This method throws the error after all tasks have ended.
    public func run() async throws {
        if isRunning { throw RuntimeError("the supervisor is already running") }
        isRunning = true
        defer { (isRunning, isEnding) = (false, false) }
        for child in all { start(child, after: .zero) }
        do {
            while all.contains(where: { $0.task != nil }) {
                guard let (child, task) = try await ends.get() else { continue }
                // Tasks that were stopped on purpose may have been replaced.
                if child.task === task, !child.isStopping { try await ended(child, task) }
            }
        } catch {
            // The error that ended the supervisor takes precedence over a cancellation that came in the meantime.
            isEnding = true
            try? await end(all)
            await waitForChanges()
            throw error
        }
        isEnding = true
        await waitForChanges()
    }

    // MARK: Internals

    /// Waits until no tasks are being removed or restarted.
    private func waitForChanges() async {
        guard changes.isLocked else { return }
        _ = await shielded(ignoresNativeCancellation: true) { ignoresNativeCancellation in
            try await changes.acquire(ignoresNativeCancellation: ignoresNativeCancellation)
        }
        try? changes.release()
    }

    private func start(_ child: Child, after delay: Duration) {
        child.begin = EventLoop.required(for: "Supervisor").time.advanced(by: delay)
        child.starts += 1
        child.isStopping = false
        let task = child.start(delay)
        child.task = task
        task.onDone { [ends] _ in try ends.putNoWait((child, task)) }
    }

    /// Cancels tasks in reverse order, and waits until they have ended.
    private func end(_ children: [Child]) async throws {
        let ending = children.reversed().compactMap { child in child.task.map { (child, $0) } }
        for (child, _) in ending { child.isStopping = true }
        defer { for (child, task) in ending where child.task === task { child.task = nil } }
        try await cancelAndJoin(ending.map(\.1))
    }

    private func ended(_ child: Child, _ task: AsyncTask<Void>) async throws {
        child.task = nil
        let error: (any Error)? = task.wasCancelled ? CancellationError() : task.takeError()
        child.lastError = error ?? child.lastError
        guard child.restart == .always || (child.restart == .onFailure && error != nil) else {
            all.removeAll { $0 === child }
            if let error, !task.wasCancelled { report(error, of: child) }
            return
        }
        try noteRestart(of: child, error)
        onRestart(child.name, error)
        let delay = delay(of: child)
        try await changes.withLock {
            let others = dependents(of: child)
            try await end(others)
            // In the order in which they were added, including the one that failed. It may have been restarted or
            // removed in the meantime.
            for other in all where other.task == nil && (other === child || others.contains { $0 === other }) {
                start(other, after: delay)
            }
        }
    }

    private func dependents(of child: Child) -> [Child] {
        switch strategy {
        case .oneForOne: []
        case .oneForAll: all.filter { $0 !== child && $0.task != nil }
        case .restForOne: all.drop { $0 !== child }.filter { $0 !== child && $0.task != nil }
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
