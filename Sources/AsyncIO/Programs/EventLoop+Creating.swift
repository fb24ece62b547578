internal import AsyncIOSystem

// This file assembles a loop. The kernel creates a bare loop, and the layers that every loop needs add their
// components.

extension EventLoop {
    /// Creates a loop that is not running yet.
    ///
    /// Most programs do not need this initializer, because `run { }` and ``Runner`` create their loops.
    ///
    /// - Parameters:
    ///   - debug: Whether the loop runs in debug mode, or `nil` for the default value.
    ///   - backend: The backend of the loop.
    /// - Throws: ``OSError`` if the system does not permit the backend.
    ///
    /// asyncio: `SelectorEventLoop(selector)`.
    public convenience init(debug: Bool? = nil, backend: EventLoop.Backend = .automatic) throws(OSError) {
        try self.init(debug: debug, backend: backend, time: .real)
    }

    package convenience init(
        debug: Bool?, backend: EventLoop.Backend = .automatic, time: Time
    ) throws(OSError) {
        AsyncMain.registerHooks()
        try self.init(bare: backend, debug: debug ?? Environment.debug, time: time, isOfProcess: true)
        addComponents()
    }

    /// Creates a loop that will run on its own thread. The loop is not the executor of the main actor.
    convenience init(forThreadWith backend: EventLoop.Backend, debug: Bool?, time: Time) throws(OSError) {
        try self.init(bare: backend, debug: debug ?? Environment.debug, time: time, isOfProcess: false)
        addComponents()
    }

    /// Creates a loop that runs on the thread of `outer`, the loop of a simulation.
    convenience init(guestOf outer: EventLoop, debug: Bool?) throws(OSError) {
        try self.init(forThreadWith: .epoll, debug: debug ?? outer.debug, time: .virtual)
        try becomeGuest(of: outer)
        networkStack = outer.networkStack
        // What is reported on a guest concerns the whole simulation.
        setExceptionHandler { [unowned outer] in outer.callExceptionHandler($0) }
    }

    private func addComponents() {
        _ = component(WatchedRuns.self)
        _ = component(StepTimer.self)
    }

    package convenience init(virtualTimeWithSeed seed: UInt64?) throws(OSError) {
        try self.init(debug: nil, time: .virtual)
        schedule = seed.map(SeededGenerator.init(seed:))
    }

    /// Creates a loop that will run on its own thread, in virtual time. The loop is not the executor of the main actor.
    package convenience init(threadInVirtualTimeWithSeed seed: UInt64?) throws(OSError) {
        try self.init(forThreadWith: .automatic, debug: nil, time: .virtual)
        schedule = seed.map(SeededGenerator.init(seed:))
    }
}

extension Runner {
    package convenience init(virtualTimeWithSeed seed: UInt64?, configure: @escaping (EventLoop) -> Void = { _ in }) {
        self.init(debug: nil, time: .virtual) { loop in
            loop.abandonsTasks = true
            loop.schedule = seed.map(SeededGenerator.init(seed:))
            configure(loop)
        }
    }
}

// For tests of loops other than that of the process.
extension EventLoop {
    /// Creates the executor of a loop that runs on its own thread. The caller retains the executor.
    package func makeExecutor() -> AnyObject { LoopThreadExecutor(self) }

    /// Creates a task from outside the loop, with a body that is not isolated to an actor.
    package func createTaskFromOutside<T>(
        name: String?, _ body: @escaping () async throws -> T
    ) -> AsyncTask<T> {
        makeOwnTask(name: name) { _ in try await body() }
    }
}
