extension EventLoop {
    /// The event loop that is running on this thread, or `nil`.
    ///
    /// asyncio: `asyncio._get_running_loop`.
    public static var current: EventLoop? { here }

    /// The event loop that is running on this thread.
    ///
    /// - Throws: ``RuntimeError`` if no event loop is running on this thread.
    ///
    /// asyncio: `asyncio.get_running_loop`.
    public static var running: EventLoop {
        get throws(RuntimeError) {
            guard let loop = here else { throw RuntimeError("no running event loop") }
            return loop
        }
    }

    /// The loop of this thread. Reading this property costs one thread-local load.
    @inline(__always)
    static var here: EventLoop? {
        // SAFETY: only `whileCurrent` sets the pointer, and it retains the loop while the pointer is set.
        guard let pointer = unsafe ThreadState.loop else {
            return loopOfAsyncMain()
        }
        return unsafe Unmanaged<EventLoop>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// Returns the loop for an `async` main, or nil if the caller is not an `async` main. The runtime starts an `async`
    /// main before it asks the executor to run. Before its first suspension, an `async` main already uses the loop that
    /// will run the rest of its code. Every access that finds no loop on the thread calls this function, so any of
    /// these accesses can create the loop.
    @inline(never)
    private static func loopOfAsyncMain() -> EventLoop? {
        // Code outside a Swift task cannot be an `async` main function.
        guard ThreadState.awaitsMain, Carrier.current != nil, let make = unsafe makeLoopForAsyncMain else { return nil }
        // SAFETY: the retain is never balanced; the loop lives as long as the process.
        let loop = unsafe Unmanaged.passRetained(make())
        unsafe ThreadState.setLoop(loop.toOpaque())
        return unsafe loop.takeUnretainedValue()
    }

    // SAFETY: AsyncMain sets these two variables only once, before any loop exists. Afterward, they are only read.
    /// A closure that creates the loop of an `async` main, or ends the program.
    nonisolated(unsafe) static var makeLoopForAsyncMain: (() -> EventLoop)?
    /// A closure that runs the loop of an `async` main until the program ends.
    nonisolated(unsafe) static var runAsyncMain: (() throws -> Void)?

    /// Returns the loop of this thread, or stops the program if this thread has no loop. This check is necessary for
    /// memory safety, because other threads must not use the library's objects.
    @inline(__always)
    static func required(for operation: StaticString) -> EventLoop {
        guard let loop = here else { noLoop(operation) }
        return loop
    }

    // These functions pass the loop to `body`. Unlike `required`, they do not retain the loop.

    /// Calls `body` with the loop of this thread. If this thread has no loop, returns false without calling `body`.
    @inline(__always)
    static func withHere(_ body: (EventLoop) -> Void) -> Bool {
        guard let pointer = unsafe ThreadState.loop ?? pointerForAsyncMain() else { return false }
        // SAFETY: as in `here`.
        unsafe Unmanaged<EventLoop>.fromOpaque(pointer)._withUnsafeGuaranteedRef(body)
        return true
    }

    @inline(__always)
    static func withRequired<T>(for operation: StaticString, _ body: (EventLoop) throws -> T) rethrows -> T {
        guard let pointer = unsafe ThreadState.loop ?? pointerForAsyncMain() else { noLoop(operation) }
        // SAFETY: as in `here`.
        return try unsafe Unmanaged<EventLoop>.fromOpaque(pointer)._withUnsafeGuaranteedRef(body)
    }

    // This function takes no body, because retaining a body for this path would cost the other path reference counting.
    @inline(never)
    private static func pointerForAsyncMain() -> UnsafeMutableRawPointer? {
        loopOfAsyncMain() == nil ? nil : unsafe ThreadState.loop
    }

    /// Stops the program if a loop is running on another thread. Before a loop runs, its objects can be used on the
    /// thread that will run the loop. While a loop is running, its objects belong to the thread of that loop.
    @inline(never)
    static func assertNoneElsewhere(for operation: StaticString) {
        if LoopExecutor.shared.isRunning { noLoop(operation) }
    }

    @inline(never)
    private static func noLoop(_ operation: StaticString) -> Never {
        fatalError(
            """
            \(operation) was called on a thread that runs no event loop; asyncio's objects belong to \
            their loop's thread, so call it from code that `run { }` or an EventLoopThread runs, or pass the \
            call to the loop with loop.callSoonThreadSafe { } or submit { }. If this is the body of \
            withTaskGroup, withTaskCancellationHandler, or TaskLocal.withValue inside such code, the body has \
            left the actor, because it does not mention it: write `_ = self` (or the isolated parameter) in it
            """)
    }

    /// Makes this loop the thread's current loop while `body` runs.
    func whileCurrent<T>(_ body: () throws -> T) rethrows -> T {
        let outer = unsafe ThreadState.loop
        let outerTime = ThreadState.virtualTime
        let outerEpoch = ThreadState.virtualEpoch
        unsafe ThreadState.setLoop(Unmanaged.passUnretained(self).toOpaque())
        ThreadState.virtualTime = virtualNow
        if virtualNow != nil { ThreadState.virtualEpoch = virtual.epoch }
        defer {
            unsafe ThreadState.setLoop(outer)
            ThreadState.virtualTime = outerTime
            ThreadState.virtualEpoch = outerEpoch
        }
        return try withExtendedLifetime(self) { try body() }
    }

    /// Hides the running loop from `body`, so that `body` runs as if at the top level of a program. Tests that run
    /// inside a loop use this method to test code that creates loops.
    package static func outsideOfAnyLoop<T>(_ body: () throws -> T) rethrows -> T {
        let outer = unsafe ThreadState.loop
        let outerTime = ThreadState.virtualTime
        unsafe ThreadState.setLoop(nil)
        ThreadState.virtualTime = nil
        let executor = LoopExecutor.shared.suspendRunning()
        defer {
            LoopExecutor.shared.resumeRunning(executor)
            unsafe ThreadState.setLoop(outer)
            ThreadState.virtualTime = outerTime
        }
        return try body()
    }

    /// Throws an error if the calling thread belongs to an ``EventLoopThread``, because a loop of the main actor cannot
    /// run on that thread.
    package static func checkCanRunMainActorHere() throws(RuntimeError) {
        guard let here, here.home != nil else { return }
        throw RuntimeError(
            "the thread of EventLoopThread \"\(here.name)\" cannot run a loop of the main actor; use "
                + "runInVirtualTime { io in } elsewhere")
    }

    /// Stops the program unless the calling thread is the loop's own thread or is about to run the loop.
    func assertUsable(_ operation: StaticString) {
        if state == .running, EventLoop.here !== self {
            fatalError(
                """
                \(operation) was called on a thread that is not the event loop's; \
                use callSoonThreadSafe { } or submit { } there
                """)
        }
    }
}
