internal import CShims

extension EventLoop {
    /// The loop that runs on this thread, or nil.
    ///
    /// asyncio: `asyncio._get_running_loop`.
    public static var current: EventLoop? { here }

    /// The loop that runs on this thread.
    ///
    /// - Throws: ``RuntimeError`` if none does.
    ///
    /// asyncio: `asyncio.get_running_loop`.
    public static var running: EventLoop {
        get throws(RuntimeError) {
            guard let loop = here else { throw RuntimeError("no running event loop") }
            return loop
        }
    }

    /// One thread-local load.
    @inline(__always)
    static var here: EventLoop? {
        // SAFETY: the pointer is set by `whileCurrent` alone, which holds the loop
        // for as long as it is set.
        guard let pointer = unsafe asyncio_loop_get() else {
            return loopOfAsyncMain()
        }
        return unsafe Unmanaged<EventLoop>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// The runtime begins an `async` main before it asks the executor to run: that first
    /// piece, up to its first suspension, finds the loop that will run the rest. Every access
    /// to the thread's loop that finds none comes by here, so that any call may be the first.
    @inline(never)
    private static func loopOfAsyncMain() -> EventLoop? {
        // Code outside of any task is no async main.
        guard asyncio_awaits_main(), Carrier.current != nil else { return nil }
        do {
            // SAFETY: the retain is never given back; the loop lives as long as the process.
            let loop = try unsafe Unmanaged.passRetained(makeForAsyncMain())
            unsafe asyncio_loop_set(loop.toOpaque())
            return unsafe loop.takeUnretainedValue()
        } catch {
            ProgramEnd.end(with: error)
        }
    }

    /// The loop that an `async` main runs on.
    static func forAsyncMain() throws -> EventLoop { try here ?? makeForAsyncMain() }

    private static func makeForAsyncMain() throws -> EventLoop {
        asyncio_set_awaits_main(false)
        let loop = try EventLoop()
        loop.asyncMain = AsyncMain(on: loop)
        return loop
    }

    /// The loop of this thread, for those who cannot go on without one: memory
    /// safety stands on nobody else touching the library's objects.
    @inline(__always)
    static func required(for operation: StaticString) -> EventLoop {
        guard let loop = here else { noLoop(operation) }
        return loop
    }

    // The same for the length of `body`, which does not retain the loop.

    /// False if there is none, and then nothing is done.
    @inline(__always)
    static func withHere(_ body: (EventLoop) -> Void) -> Bool {
        guard let pointer = unsafe asyncio_loop_get() ?? pointerForAsyncMain() else { return false }
        // SAFETY: as in `here`.
        unsafe Unmanaged<EventLoop>.fromOpaque(pointer)._withUnsafeGuaranteedRef(body)
        return true
    }

    @inline(__always)
    static func withRequired<T>(for operation: StaticString, _ body: (EventLoop) throws -> T) rethrows -> T {
        guard let pointer = unsafe asyncio_loop_get() ?? pointerForAsyncMain() else { noLoop(operation) }
        // SAFETY: as in `here`.
        return try unsafe Unmanaged<EventLoop>.fromOpaque(pointer)._withUnsafeGuaranteedRef(body)
    }

    // It takes no body: one that had to be kept for this path would cost the other one references.
    @inline(never)
    private static func pointerForAsyncMain() -> UnsafeMutableRawPointer? {
        loopOfAsyncMain() == nil ? nil : unsafe asyncio_loop_get()
    }

    /// Before its loop runs, an object may be used where the loop will run. While one runs,
    /// it belongs to that one's thread.
    @inline(never)
    static func assertNoneElsewhere(for operation: StaticString) {
        if LoopExecutor.shared.isRunning { noLoop(operation) }
    }

    @inline(never)
    private static func noLoop(_ operation: StaticString) -> Never {
        fatalError(
            """
            \(operation) was called on a thread that runs no event loop. asyncio's objects belong to \
            their loop's thread: call it from code that `run { }` runs, or hand it over with \
            loop.callSoonThreadSafe { } or loop.submit { }.
            """)
    }

    /// Makes this loop the thread's current one while `body` runs.
    func whileCurrent<T>(_ body: () throws -> T) rethrows -> T {
        let outer = unsafe asyncio_loop_get()
        unsafe asyncio_loop_set(Unmanaged.passUnretained(self).toOpaque())
        defer { unsafe asyncio_loop_set(outer) }
        return try withExtendedLifetime(self) { try body() }
    }

    /// Hides the running loop from `body`, which then runs as at the top level of
    /// a program: for tests that run inside a loop and test what makes loops.
    package static func outsideOfAnyLoop<T>(_ body: () throws -> T) rethrows -> T {
        let outer = unsafe asyncio_loop_get()
        asyncio_loop_set(nil)
        let executor = LoopExecutor.shared.suspendRunning()
        defer {
            LoopExecutor.shared.resumeRunning(executor)
            unsafe asyncio_loop_set(outer)
        }
        return try body()
    }

    /// The loop may be used by its own thread, and by the thread that is about to run it.
    func assertUsable(_ operation: StaticString) {
        if state == .running, EventLoop.here !== self {
            fatalError(
                """
                \(operation) was called from another thread than the event loop's. \
                Use callSoonThreadSafe { } or submit { } there.
                """)
        }
    }
}

extension EventLoop {
    /// Makes the event loop the executor of this process, whose first thread this is: for
    /// the product AsyncIOMain.
    package static func installExecutor() {
        LoopExecutor.install()
        asyncio_set_awaits_main(true)
        ProgramEnd.reportsEveryError()
    }

    /// For test runners, which Ctrl-C ends as ever.
    package static func leaveInterruptsAlone() { unsafe AsyncMain.leavesInterruptsAlone = true }
}
