internal import AsyncIOSystem

/// An actor with an event loop that runs on its own thread.
///
/// Use it in a program whose main actor belongs to something else, such as a server framework, a user interface, or a
/// test runner, or to use more than one core. An `EventLoopThread` does not install anything in the process.
///
/// ```swift
/// let io = try EventLoopThread(name: "io")
/// let total = try await io.run { io in
///     let queue = Queue<Int>()
///     createTask { for number in 1...3 { try await queue.put(number) } }
///     var total = 0
///     for _ in 1...3 { total += try await queue.get() }
///     return total
/// }
/// try await io.shutDown(within: .seconds(10))
/// ```
///
/// Tasks, queues, streams, servers, files, subprocesses, and everything else in the package work in the body of
/// ``run(name:fileID:line:_:)``, with asyncio's scheduling order. The objects belong to this loop, and the compiler
/// does not let you share them with another one. To pass values between loops, call methods of actors, or use a
/// ``Mailbox``.
///
/// Your own actor runs on the loop if it uses the loop's executor. The actor must retain the `EventLoopThread`:
///
/// ```swift
/// actor Shard {
///     nonisolated let io: EventLoopThread
///     nonisolated var unownedExecutor: UnownedSerialExecutor { io.unownedExecutor }
///     let requests = Queue<String>()
///
///     init(on io: EventLoopThread) { self.io = io }
/// }
/// ```
///
/// For a global actor, use ``make(name:debug:backend:)``:
///
/// ```swift
/// @globalActor actor Network {
///     static let shared = Network()
///     nonisolated let io = EventLoopThread.make(name: "network")
///     nonisolated var unownedExecutor: UnownedSerialExecutor { io.unownedExecutor }
/// }
/// ```
///
/// (A global actor whose `shared` is the `EventLoopThread` itself also works. However, Swift 6.3 does not compile calls
/// of `createTask` and similar functions in the functions of that actor. The compiler reports a pattern that it does
/// not understand.)
///
/// ## Shut the loop down
///
/// Call ``shutDown(within:fileID:line:)`` when you no longer need the loop. If the program releases the last
/// reference instead, the loop reports that to its exception handler and ends by itself. A task on the loop
/// retains the `EventLoopThread`, so a loop with running tasks never ends in this way.
///
/// When the loop has ended, ``run(name:fileID:line:_:)`` throws a ``RuntimeError``. A method of an actor on this loop
/// still runs, but on a short-lived thread. It can use the properties of the actor. Every wait for something in this
/// package throws a ``RuntimeError``, and tasks that the method creates are cancelled.
///
/// ## Simulations
///
/// In a simulation (the trait `.simulation` of AsyncIOTesting), a new loop does not get its own thread. It runs on the
/// thread of the simulation, in its virtual time and on its network, and the seed decides when it takes a turn.
///
/// asyncio: a thread that runs `loop.run_forever()`.
public final actor EventLoopThread {
    /// The loop. You can call its thread-safe methods, such as ``EventLoop/callSoonThreadSafe(_:)``, from anywhere.
    public nonisolated let loop: EventLoop
    private nonisolated let thread: LoopThread

    /// The executor of this actor, and of every other actor that should run on this loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.executor.unownedExecutor }

    /// Starts a thread that runs a new loop.
    ///
    /// - Parameters:
    ///   - name: The name of the loop and of the thread, or `nil` for `EventLoop-N`. The system shows the first
    ///     15 bytes as the thread's name.
    ///   - debug: Whether the loop runs in debug mode, or `nil` for the default.
    ///   - backend: The backend of the loop.
    /// - Throws: ``OSError`` if the system does not allow the backend or another thread.
    public init(
        name: String? = nil, debug: Bool? = nil, backend: EventLoop.Backend = .automatic
    ) throws(OSError) {
        try self.init(name: name, debug: debug, backend: backend, in: EventLoop.here?.simulation)
    }

    /// - Parameter simulation: The loop of the simulation that runs the new loop, or nil if the loop gets a thread.
    private init(
        name: String?, debug: Bool?, backend: EventLoop.Backend, in simulation: EventLoop?
    ) throws(OSError) {
        if let simulation {
            loop = try EventLoop(guestOf: simulation, debug: debug)
        } else {
            loop = try EventLoop(forThreadWith: backend, debug: debug, time: .real)
        }
        if let name { loop.name = name }
        thread = LoopThread(LoopThreadExecutor(loop))
        try thread.start()
    }

    /// For tests: a loop whose thread has not started. Its first task can be submitted before it runs.
    package init(notStarted loop: EventLoop) {
        self.loop = loop
        thread = LoopThread(LoopThreadExecutor(loop))
    }

    package nonisolated func start() throws(OSError) { try thread.start() }

    /// The waits of the tasks of a loop in virtual time when nothing more could happen, and the cycles among them.
    package nonisolated var deadlockReport: (waiting: [String], cycles: [String])? { thread.deadlockReport }

    /// Starts a thread that runs a new loop, for a constant that lives as long as the process. If the system
    /// does not allow this, the program stops with a message.
    ///
    /// The loop has its own thread even if it is created in a simulation.
    ///
    /// - Parameters:
    ///   - name: The name of the loop and of the thread, or `nil` for `EventLoop-N`.
    ///   - debug: Whether the loop runs in debug mode, or `nil` for the default.
    ///   - backend: The backend of the loop.
    public static func make(
        name: String? = nil, debug: Bool? = nil, backend: EventLoop.Backend = .automatic
    ) -> EventLoopThread {
        do {
            return try EventLoopThread(name: name, debug: debug, backend: backend, in: nil)
        } catch {
            fatalError("cannot make an EventLoopThread: \(error)")
        }
    }

    deinit { thread.requestEnd(within: .seconds(10), isReleased: true) }

    // MARK: Running code

    /// Runs `body` as a task of the loop, and waits until it has ended.
    ///
    /// You can call this from any task, on this loop or elsewhere. The task has the task-local values of the caller. If
    /// the calling task is cancelled, the task of `body` is also cancelled. The call returns when that task has ended.
    ///
    /// A call from another thread costs two thread crossings.
    ///
    /// - Parameters:
    ///   - name: The name of the task, or `nil` for `Task-N`.
    ///   - body: The body of the task. It receives this object, and is isolated to it.
    /// - Returns: The value that `body` returns.
    /// - Throws: The errors of `body`; ``RuntimeError`` if the loop is shutting down, has ended, or ends before
    ///   `body` does.
    ///
    /// asyncio: `await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coro, loop))`.
    @discardableResult
    public nonisolated func run<T: Sendable>(
        name: String? = nil, fileID: StaticString = #fileID, line: UInt = #line,
        _ body: @escaping @Sendable (isolated EventLoopThread) async throws -> T
    ) async throws -> T {
        try checkOpen()
        let future = ConcurrentFuture<T>(loop: loop)
        let site = CreationSite(fileID: fileID, line: line)
        return try await whileCancelling(future) { try await start(name, site, body, for: future) }
    }

    /// Creates the task in the calling Swift task, so that it has the task-local values.
    private func start<T: Sendable>(
        _ name: String?, _ site: CreationSite,
        _ body: @escaping @Sendable (isolated EventLoopThread) async throws -> T, for future: ConcurrentFuture<T>
    ) async throws -> T {
        try checkOpen()
        if future.isCancelled { throw CancellationError() }
        do {
            // Released when the task has ended, or the loop has forgotten it.
            let promise = Promise(future)
            promise.keep(makeTask(name, site, body))
        }
        return try await future.value
    }

    private func makeTask<T>(
        _ name: String?, _ site: CreationSite,
        _ body: @escaping @Sendable (isolated EventLoopThread) async throws -> T
    ) -> AsyncTask<T> {
        createTask(name: name, eager: false, isolation: self, site: site) {
            try await body(self)
        }
    }

    /// Starts `body` as a task of the loop, and does not wait for it.
    ///
    /// You can call this from any thread.
    ///
    /// - Parameters:
    ///   - name: The name of the task, or `nil` for `Task-N`.
    ///   - body: The body of the task. It receives this object, and is isolated to it.
    /// - Returns: A future for the result. Cancelling the future cancels the task. If the loop has ended, the future
    ///   fails with a ``RuntimeError``.
    ///
    /// asyncio: `asyncio.run_coroutine_threadsafe`.
    @discardableResult
    public nonisolated func submit<T: Sendable>(
        name: String? = nil, fileID: StaticString = #fileID, line: UInt = #line,
        _ body: @escaping @Sendable (isolated EventLoopThread) async throws -> T
    ) -> ConcurrentFuture<T> {
        let future = ConcurrentFuture<T>(loop: loop)
        let promise = Promise(future)
        let site = CreationSite(fileID: fileID, line: line)
        let context = CallerContext()
        loop.post(
            .callback { [self] in
                guard !promise.future.isCancelled else { return promise.future.end(.failure(CancellationError())) }
                assumeIsolated { io in
                    promise.keep(context.run { io.makeTask(name, site, body) })
                }
            })
        return future
    }

    /// Runs `body` as a task of the loop, and blocks the calling thread until it has ended.
    ///
    /// This is for threads that run no event loop, such as a thread that your program has created, or the main thread
    /// of a synchronous program.
    ///
    /// - Parameters:
    ///   - timeout: The maximum time to wait, or `nil` for no limit. The task is cancelled after a timeout.
    ///   - body: The body of the task.
    /// - Returns: The value that `body` returns.
    /// - Throws: The errors of `body`; ``RuntimeError`` if the calling thread is running an event loop, which the call
    ///   would block, or if the loop has ended; ``TimeoutError`` if the time is up.
    ///
    /// asyncio: `asyncio.run_coroutine_threadsafe(coro, loop).result(timeout)`; anyio's blocking portal.
    @discardableResult
    public nonisolated func wait<T: Sendable>(
        timeout: Duration? = nil, fileID: StaticString = #fileID, line: UInt = #line,
        _ body: @escaping @Sendable (isolated EventLoopThread) async throws -> T
    ) throws -> T {
        if let here = EventLoop.here {
            throw RuntimeError(
                here === loop
                    ? "EventLoopThread.wait() would wait forever on the thread of its own loop; use await run { }"
                    : "EventLoopThread.wait() would block the event loop \"\(here.name)\"; use await run { }")
        }
        try checkOpen()
        let future = submit(fileID: fileID, line: line, body)
        do {
            return try future.wait(timeout: timeout, fileID: fileID, line: line)
        } catch let error as TimeoutError where !future.isDone {
            future.cancel()
            throw error
        }
    }

    // MARK: The end

    /// Whether the loop has ended or is shutting down.
    public nonisolated var isShutDown: Bool { thread.isEnding }

    /// Ends the loop and its thread. This method first cancels all tasks and waits for them. It then closes generators
    /// that are no longer iterated, waits for the loop's work on threads, closes the loop, and joins the thread.
    ///
    /// If the loop is already shutting down, this method waits for the end. If the loop has ended, this method returns
    /// at once. Cancelling the calling task does not end the wait.
    ///
    /// - Parameter limit: The maximum time for the entire shutdown, or `nil` for no limit. Tasks that have not ended by
    ///   then are reported to the exception handler, and never continue. A second call cannot change the limit of the
    ///   first one.
    /// - Throws: ``TimeoutError`` if tasks were left; ``RuntimeError`` on the loop's own thread, where the call
    ///   would wait for itself; an error that ended the loop, such as a failure of the poller.
    ///
    /// asyncio: `loop.call_soon_threadsafe(loop.stop)`, `Runner.close`, and `thread.join`.
    public nonisolated func shutDown(
        within limit: Duration? = .seconds(10), fileID: StaticString = #fileID, line: UInt = #line
    ) async throws {
        if EventLoop.here === loop { throw RuntimeError(Self.ownEnd("shutDown(within:)")) }
        thread.requestEnd(within: limit)
        try await thread.waitForEnd(limit, CreationSite(fileID: fileID, line: line))
    }

    /// Does the same as ``shutDown(within:fileID:line:)``, but blocks the calling thread.
    ///
    /// - Parameter limit: The maximum time, or `nil` for no limit.
    /// - Throws: The same errors as ``shutDown(within:fileID:line:)``; ``RuntimeError`` if the calling thread is
    ///   running an event loop.
    ///
    /// asyncio: `Runner.close` of a loop in a thread.
    public nonisolated func close(
        within limit: Duration? = .seconds(10), fileID: StaticString = #fileID, line: UInt = #line
    ) throws {
        if let here = EventLoop.here {
            throw RuntimeError(
                here === loop
                    ? Self.ownEnd("close(within:)")
                    : "EventLoopThread.close() would block the event loop \"\(here.name)\"; use await shutDown()")
        }
        thread.requestEnd(within: limit)
        try thread.blockUntilEnd(limit, CreationSite(fileID: fileID, line: line))
    }

    fileprivate nonisolated func requestEnd(within limit: Duration?) { thread.requestEnd(within: limit) }

    private static func ownEnd(_ function: String) -> String {
        """
        EventLoopThread.\(function) would wait for itself on the thread of its own loop; call it elsewhere, or \
        loop.stop() here
        """
    }

    private nonisolated func checkOpen() throws(RuntimeError) {
        if thread.isEnding { throw RuntimeError("Event loop is closed") }
    }
}

extension [EventLoopThread] {
    /// Shuts down all of these loops at the same time.
    ///
    /// - Throws: The first error, after all loops have ended.
    func shutDown(within limit: Duration?, fileID: StaticString = #fileID, line: UInt = #line) async throws {
        for io in self { io.requestEnd(within: limit) }
        var failure: (any Error)?
        for io in self {
            do { try await io.shutDown(within: limit, fileID: fileID, line: line) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
    }
}

/// Runs `body`, and cancels the future if the calling task is cancelled in the meantime.
//
// The closure mentions `isolation`, because otherwise the body would leave the caller's actor.
private func whileCancelling<T>(
    _ future: ConcurrentFuture<T>, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> T
) async throws -> T {
    try await withTaskCancellationHandler {
        _ = isolation
        return try await body()
    } onCancel: {
        future.cancel()
    }
}
