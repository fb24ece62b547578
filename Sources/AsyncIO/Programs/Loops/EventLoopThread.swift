internal import AsyncIOSystem

/// An actor with an event loop that runs on its own thread.
///
/// Use an `EventLoopThread` in a program whose main actor belongs to other software, such as a server framework, a user
/// interface, or a test runner. With several of these actors, a program can also use more than one core. An
/// `EventLoopThread` does not install an executor or a hook for the whole process, so code outside its loop runs as
/// before.
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
/// ``run(name:fileID:line:_:)``, with asyncio's scheduling order. Objects that the body creates belong to this loop,
/// and the compiler does not let you share them with another loop. To pass values between loops, call methods of
/// actors, or use a ``Mailbox``.
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
/// For a global actor, use ``make(name:debug:backend:scheduling:)``:
///
/// ```swift
/// @globalActor actor Network {
///     static let shared = Network()
///     nonisolated let io = EventLoopThread.make(name: "network")
///     nonisolated var unownedExecutor: UnownedSerialExecutor { io.unownedExecutor }
/// }
/// ```
///
/// A global actor whose `shared` is the `EventLoopThread` itself also works. However, Swift 6.3 does not compile calls
/// to `createTask` and similar functions in the functions of that actor. The compiler reports a pattern that it does
/// not understand.
///
/// ## Shut the loop down
///
/// Call ``shutDown(within:fileID:line:)`` when you no longer need the loop. If the program instead releases the last
/// reference to the `EventLoopThread`, the loop reports this to its exception handler and ends. A task on the loop
/// retains the `EventLoopThread`, so a loop with running tasks never ends in this way.
///
/// After the loop has ended, ``run(name:fileID:line:_:)`` throws a ``RuntimeError``. Methods of actors on this loop
/// still run, but on a short-lived thread. These methods can use the properties of their actor. If a method waits for
/// an object of this package, the wait throws a ``RuntimeError``. Tasks that these methods create are cancelled.
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

    /// The executor of this actor, and of all other actors on this loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe thread.executor.unownedExecutor }

    /// Starts a thread that runs a new loop.
    ///
    /// - Parameters:
    ///   - name: The name of the loop and of the thread, or `nil` for `EventLoop-N`. The system shows the first
    ///     15 bytes as the thread's name.
    ///   - debug: Whether the loop runs in debug mode, or `nil` for the default.
    ///   - backend: The backend of the loop.
    ///   - scheduling: How the system schedules the thread.
    /// - Throws: ``OSError`` if the system does not permit the backend or the scheduling, or does not allow another
    ///   thread.
    public init(
        name: String? = nil, debug: Bool? = nil, backend: EventLoop.Backend = .automatic,
        scheduling: Scheduling = .normal
    ) throws(OSError) {
        if let simulation = EventLoop.here?.simulation {
            loop = try EventLoop(guestOf: simulation, debug: debug)
        } else {
            loop = try EventLoop(forThreadWith: backend, debug: debug, time: .real)
        }
        if let name { loop.name = name }
        thread = LoopThread(LoopThreadExecutor(loop))
        try thread.start(scheduling)
    }

    /// Creates an object whose thread has not started. The first task can be submitted before the loop runs.
    package init(notStarted loop: EventLoop) {
        self.loop = loop
        thread = LoopThread(LoopThreadExecutor(loop))
    }

    package nonisolated func start() throws(OSError) { try thread.start(.normal) }

    /// The deadlock of a loop in virtual time, or nil if there was no deadlock. The value contains the waits of the
    /// tasks, and the cycles among these waits.
    package nonisolated var deadlockReport: (waiting: [String], cycles: [String])? { thread.deadlockReport }

    /// Starts a thread that runs a new loop. Use this function for a constant that lives as long as the process. If the
    /// system does not permit the backend or the scheduling, or does not allow another thread, the program stops with a
    /// message.
    ///
    /// The loop has its own thread even if it is created in a simulation.
    ///
    /// - Parameters:
    ///   - name: The name of the loop and of the thread, or `nil` for `EventLoop-N`.
    ///   - debug: Whether the loop runs in debug mode, or `nil` for the default.
    ///   - backend: The backend of the loop.
    ///   - scheduling: How the system schedules the thread.
    public static func make(
        name: String? = nil, debug: Bool? = nil, backend: EventLoop.Backend = .automatic,
        scheduling: Scheduling = .normal
    ) -> EventLoopThread {
        do {
            let loop = try EventLoop(forThreadWith: backend, debug: debug, time: .real)
            if let name { loop.name = name }
            let io = EventLoopThread(notStarted: loop)
            try io.thread.start(scheduling)
            return io
        } catch {
            fatalError("cannot make an EventLoopThread: \(error)")
        }
    }

    deinit { thread.requestEnd(within: .seconds(10), isReleased: true) }

    // MARK: Running code

    /// Runs `body` as a task of the loop, and waits until the task has ended.
    ///
    /// You can call this method from any task, on this loop or elsewhere. The new task has the task-local values of the
    /// caller. If the calling task is cancelled, the new task is also cancelled, and this method returns after the new
    /// task has ended.
    ///
    /// A call from another thread switches between threads twice.
    ///
    /// - Parameters:
    ///   - name: The name of the task, or `nil` for `Task-N`.
    ///   - body: The body of the task. The body receives this object, and is isolated to it.
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

    /// Creates the new task in the calling Swift task, so that the new task has the task-local values of the caller.
    private func start<T: Sendable>(
        _ name: String?, _ site: CreationSite,
        _ body: @escaping @Sendable (isolated EventLoopThread) async throws -> T, for future: ConcurrentFuture<T>
    ) async throws -> T {
        try checkOpen()
        if future.isCancelled { throw CancellationError() }
        do {
            // The promise is released when the task has ended or the loop has abandoned the task.
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

    /// Starts `body` as a task of the loop, without waiting for the task.
    ///
    /// You can call this method from any thread.
    ///
    /// - Parameters:
    ///   - name: The name of the task, or `nil` for `Task-N`.
    ///   - body: The body of the task. The body receives this object, and is isolated to it.
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
        let create = EventLoop.boundToHost(sendable: { [self] in
            guard !promise.future.isCancelled else { return promise.future.end(.failure(CancellationError())) }
            assumeIsolated { io in
                promise.keep(context.run { io.makeTask(name, site, body) })
            }
        })
        loop.post(.callback { try? create() })
        return future
    }

    /// Runs `body` as a task of the loop, and blocks the calling thread until the task has ended.
    ///
    /// Use this method on threads that do not run an event loop, such as a thread that your program has created, or the
    /// main thread of a synchronous program.
    ///
    /// - Parameters:
    ///   - timeout: The maximum time to wait, or `nil` for no limit. The task is cancelled after a timeout.
    ///   - body: The body of the task.
    /// - Returns: The value that `body` returns.
    /// - Throws: The errors of `body`; ``RuntimeError`` if the calling thread is running an event loop, which this
    ///   method would block, or if the loop has ended; ``TimeoutError`` if the task does not end within `timeout`.
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
    /// If the loop is already shutting down, this method waits until the shutdown is complete. If the loop has ended,
    /// this method returns at once. Cancelling the calling task does not end the wait.
    ///
    /// - Parameter limit: The maximum time for the entire shutdown, or `nil` for no limit. Tasks that have not ended
    ///   within this time are reported to the exception handler, and never continue. A second call cannot change the
    ///   limit of the first call.
    /// - Throws: ``TimeoutError`` if some tasks did not end in time; ``RuntimeError`` if the caller is on the loop's
    ///   own thread, where this method would wait for itself; an error that ended the loop, such as a failure of the
    ///   poller.
    ///
    /// asyncio: `loop.call_soon_threadsafe(loop.stop)`, `Runner.close`, and `thread.join`.
    public nonisolated func shutDown(
        within limit: Duration? = .seconds(10), fileID: StaticString = #fileID, line: UInt = #line
    ) async throws {
        if EventLoop.here === loop { throw RuntimeError(Self.ownEnd("shutDown(within:)")) }
        thread.requestEnd(within: limit)
        try await thread.waitForEnd(limit, CreationSite(fileID: fileID, line: line))
    }

    /// Shuts the loop down like ``shutDown(within:fileID:line:)``, but blocks the calling thread.
    ///
    /// - Parameter limit: The maximum time for the entire shutdown, or `nil` for no limit.
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
    /// Shuts down all loops in this array at the same time.
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

/// Runs `body`, and cancels the future if the calling task is cancelled while `body` runs.
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
