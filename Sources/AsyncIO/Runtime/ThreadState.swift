internal import CShims

/// Information about the loop of the current thread. Reading a property takes one load.
enum ThreadState {
    /// The loop of this thread, which is not retained.
    @inline(__always)
    static var loop: UnsafeMutableRawPointer? { unsafe asyncio_loop_get() }

    static func setLoop(_ loop: UnsafeMutableRawPointer?) { unsafe asyncio_loop_set(loop) }

    /// The virtual time of the loop on this thread, in nanoseconds, or nil if the loop uses the machine's time.
    static var virtualTime: Int64? {
        get {
            let time = asyncio_virtual_time()
            return time == ASYNCIO_REAL_TIME ? nil : time
        }
        set { asyncio_set_virtual_time(newValue ?? ASYNCIO_REAL_TIME) }
    }

    /// The number of nanoseconds that must be added to virtual time to get the date in nanoseconds since 1970.
    static var virtualEpoch: Int64 {
        get { asyncio_virtual_epoch() }
        set { asyncio_set_virtual_epoch(newValue) }
    }

    /// Whether the runtime is about to run an `async` main on this thread. Such a main will need a loop.
    @inline(__always)
    static var awaitsMain: Bool {
        get { asyncio_awaits_main() }
        set { asyncio_set_awaits_main(newValue) }
    }
}
