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

/// The number of signals that this process has received, of all kinds.
enum SignalArrivals {
    @inline(__always)
    static var count: UInt32 { asyncio_signal_arrivals() }
}

/// Prefetches memory that is needed soon. The address does not have to be valid.
@inline(__always)
func fetch(_ address: UInt, lines: Int32) { asyncio_prefetch(address, lines) }

/// Prefetches the frames of a suspended task, whose address this is.
@inline(__always)
func fetchFrames(ofTask address: UInt) { asyncio_prefetch_frames(address) }
