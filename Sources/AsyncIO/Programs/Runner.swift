internal import AsyncIOSystem

/// Runs `body` on a new event loop and cleans up after it.
///
/// Use this function in code that needs the result or the error. To run a whole program, use
/// ``main(debug:backend:_:)``.
///
/// ```swift
/// let size = try AsyncIO.run { try await readText("notes.txt").count }
/// ```
///
/// When `body` has ended, `run` cancels each remaining task once, and waits for these tasks. It then closes the
/// remaining generators, waits for work on threads, and closes the loop. Ctrl-C cancels the main task. If the main task
/// ends as a result, `run` throws ``KeyboardInterrupt``. A second Ctrl-C ends the process.
///
/// - Parameters:
///   - debug: Whether the loop runs in debug mode, or `nil` for the default.
///   - backend: The backend of the loop.
///   - body: The main task of the loop.
/// - Returns: The value that `body` returns.
/// - Throws: The errors of `body`; ``RuntimeError`` if a loop is already running on this thread; ``KeyboardInterrupt``
///   if Ctrl-C ended `body`; ``OSError`` if the system does not permit the backend. If the program does not catch the
///   thrown error, the program ends in the same way as with ``main(debug:backend:_:)``.
///
/// asyncio: `asyncio.run`.
@discardableResult
public func run<T>(
    debug: Bool? = nil, backend: EventLoop.Backend = .automatic, _ body: @escaping @MainActor () async throws -> T
) throws -> T {
    try run(Runner(debug: debug, backend: backend), body)
}

/// Runs `body` on a runner, and closes the runner whether or not `body` throws.
package func run<T>(_ runner: Runner, _ body: @escaping @MainActor () async throws -> T) throws -> T {
    if EventLoop.here != nil {
        throw RuntimeError("run() cannot be called from a running event loop; await the function instead")
    }
    let result = Result { try runner.run(body) }
    do {
        try runner.close()
        return try result.get()
    } catch {
        ProgramEnd.noteEscape(of: error)
        throw error
    }
}

/// An object that runs several main tasks, one after another, on the same event loop.
///
/// asyncio: `asyncio.Runner`.
public final class Runner {
    private enum State {
        case created
        case initialized(EventLoop)
        case closed
    }

    private var state = State.created
    private let debug: Bool?
    private let backend: EventLoop.Backend
    private let time: EventLoop.Time
    private let configure: ((EventLoop) -> Void)?

    /// Creates a runner. The runner creates its loop when the loop is first used.
    ///
    /// - Parameters:
    ///   - debug: Whether the loop runs in debug mode, or `nil` for the default.
    ///   - backend: The backend of the loop.
    public convenience init(debug: Bool? = nil, backend: EventLoop.Backend = .automatic) {
        self.init(debug: debug, backend: backend, time: .real)
    }

    package init(
        debug: Bool?, backend: EventLoop.Backend = .automatic, time: EventLoop.Time,
        configure: ((EventLoop) -> Void)? = nil
    ) {
        self.debug = debug
        self.backend = backend
        self.time = time
        self.configure = configure
    }

    /// The loop of the runner.
    ///
    /// - Throws: ``RuntimeError`` if the runner is closed; ``OSError`` if the system does not permit the backend.
    ///
    /// asyncio: `Runner.get_loop`.
    public var loop: EventLoop {
        get throws {
            switch state {
            case .initialized(let loop): return loop
            case .closed: throw RuntimeError("Runner is closed")
            case .created:
                let loop = try EventLoop(debug: debug, backend: backend, time: time)
                configure?(loop)
                state = .initialized(loop)
                return loop
            }
        }
    }

    /// Runs `body` as the main task until the task has ended. Other unfinished tasks stay suspended until the next run.
    ///
    /// - Parameter body: The main task.
    /// - Returns: The value that `body` returns.
    /// - Throws: The errors of `body`; ``RuntimeError`` if a loop is already running on this thread, or if the runner
    ///   is closed; ``KeyboardInterrupt`` if Ctrl-C ended the main task.
    ///
    /// asyncio: `Runner.run`.
    @discardableResult
    public func run<T>(_ body: @escaping @MainActor () async throws -> T) throws -> T {
        if EventLoop.here != nil {
            throw RuntimeError("Runner.run() cannot be called from a running event loop")
        }
        let loop = try self.loop
        try loop.checkCanRun()
        let main = loop.makeMainTask(body)
        let interrupts = InterruptScope(loop, cancelling: main)
        defer { interrupts.end() }
        do {
            let value = try loop.runUntilComplete(main)
            // Ctrl-C came while the main task was running its last step.
            if interrupts.isUnnoticed { throw KeyboardInterrupt() }
            return value
        } catch is CancellationError where interrupts.wasInterrupted && main.uncancel() == 0 {
            throw KeyboardInterrupt()
        }
    }

    /// Ends the remaining work, and closes the loop. This method first cancels all tasks and waits for them. It then
    /// closes generators that are no longer iterated, waits for this loop's work on the thread pool, and closes the
    /// loop. If the runner was never used or is already closed, this method does nothing.
    ///
    /// If a task ignores its cancellation, this method waits for the task without a time limit. If a task ends with an
    /// error, the error goes to the exception handler.
    ///
    /// - Throws: ``RuntimeError`` if a loop is running on this thread; ``KeyboardInterrupt`` if Ctrl-C
    ///   interrupts the cleanup; ``OSError`` if the poller fails.
    ///
    /// asyncio: `Runner.close`.
    public func close() throws {
        guard case .initialized(let loop) = state else {
            state = .closed
            return
        }
        state = .closed
        defer { try? loop.close() }
        do {
            try loop.finish()
        } catch {
            // In virtual time, work that has not ended at this point never ends.
            if !loop.isStalled { throw error }
        }
    }
}

/// Handles Ctrl-C while a main task is running, unless the program handles Ctrl-C itself.
private final class InterruptScope {
    private let loop: EventLoop
    private var wasNoticed = false

    init(_ loop: EventLoop, cancelling main: AnyAsyncTask) {
        self.loop = loop
        guard Thread.isMain else { return }
        loop.signals.setFallback(for: .interrupt) { [unowned self] in
            wasNoticed = true
            if !main.cancel() { loop.escaping = KeyboardInterrupt() }
        }
    }

    var wasInterrupted: Bool { wasNoticed || isUnnoticed }

    /// Whether Ctrl-C was pressed and the loop has not noticed this yet.
    var isUnnoticed: Bool { loop.signals.fallbackHasNews(for: .interrupt) }

    func end() { loop.signals.removeFallback(for: .interrupt) }
}

extension EventLoop {
    /// Ends the remaining tasks, generators, and work on the thread pool.
    func finish() throws {
        for step in finalSteps {
            guard let future = step.begin() else { continue }
            try runUntilComplete(future)
            step.end()
        }
        try settle()
        try waitForGuestsThatEnd()
    }

    /// A step of ``finish()``.
    struct FinalStep {
        /// Returns the task or future that the step waits for, or nil if nothing is left.
        let begin: () -> (any Awaitable)?
        /// Called when the wait has ended.
        var end: () -> Void = {}
    }

    var finalSteps: [FinalStep] {
        [
            cancellationOfAllTasks,
            FinalStep { self.makeOwnTask { await $0.shutdownAsyncGenerators() } },
            FinalStep { self.makeOwnTask { try await $0.shutdownDefaultExecutor(timeout: .seconds(300)) } },
        ]
    }

    /// Creates a task on this loop from outside, with a body that is not isolated to an actor.
    func makeOwnTask<T>(name: String? = nil, _ body: @escaping (EventLoop) async throws -> T) -> AsyncTask<T> {
        // SAFETY: the body runs on this thread, in the run that follows.
        nonisolated(unsafe) let body = body
        guard let home else { return makeMainTask(name: name) { try await unsafe body(self) } }
        return whileCurrent {
            home.object.assume { executor in
                createTask(name: name, isolation: executor) {
                    _ = executor
                    return try await unsafe body(self)
                }
            }
        }
    }

    /// Cancels all tasks and waits for them, like asyncio's `_cancel_all_tasks`.
    private var cancellationOfAllTasks: FinalStep {
        var left: [AnyAsyncTask] = []
        return FinalStep {
            left = self.tasks.all
            return left.isEmpty ? nil : self.whileCurrent { Self.cancel(left) }
        } end: {
            for task in left where !task.wasCancelled {
                guard let error = task.takeError() else { continue }
                self.callExceptionHandler(
                    ExceptionContext(
                        message: "unhandled exception during asyncio.run() shutdown",
                        error: error, subject: task.description, task: task.name,
                        location: task.site?.description))
            }
        }
    }

    /// Cancels the tasks, and returns a future that ends when all of them have ended.
    private static func cancel(_ tasks: [AnyAsyncTask]) -> Future<Void> {
        let allEnded = Future<Void>()
        var remaining = tasks.count
        for task in tasks {
            task.onDone { _ in
                remaining -= 1
                if remaining == 0 { allEnded.succeed(()) }
            }
            task.cancel()
        }
        return allEnded
    }
}
