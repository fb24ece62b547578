internal import CShims

/// What a thread knows about its loop: one load each.
enum ThreadState {
    /// The loop of this thread, unretained.
    @inline(__always)
    static var loop: UnsafeMutableRawPointer? { unsafe asyncio_loop_get() }

    static func setLoop(_ loop: UnsafeMutableRawPointer?) { unsafe asyncio_loop_set(loop) }

    /// Whether the runtime is about to run an `async` main on this thread, which will need a loop.
    @inline(__always)
    static var awaitsMain: Bool {
        get { asyncio_awaits_main() }
        set { asyncio_set_awaits_main(newValue) }
    }
}
