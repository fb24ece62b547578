internal import CShims
package import SystemPackage

/// An io_uring: a submission queue and a completion queue that are shared with the kernel. A ring belongs to one thread
/// at a time. uring.h describes the individual calls.
@safe
package final class Ring {
    /// The outcome of an operation.
    package struct Completion {
        /// The token with which the operation was submitted.
        package let token: UInt64
        /// The result of the operation's system call, or a negative error number.
        package let result: Int32
        /// Whether the same operation will complete again.
        package let hasMore: Bool

        package var error: Errno? { result < 0 ? Errno(rawValue: -result) : nil }
    }

    // SAFETY: this object creates and destroys the ring, and one thread at a time uses it.
    let ring: OpaquePointer

    /// - Parameter isOwned: Whether the ring belongs to the thread that first enters it, which makes the ring cheaper.
    ///   On any other thread, entering the ring throws `.fileExists`.
    package init(entries: UInt32, completions: UInt32, isOwned: Bool) throws(Errno) {
        var ring: OpaquePointer?
        let flags = isOwned ? UInt32(ASYNCIO_RING_OWNED) : 0
        _ = try unsafe check(asyncio_ring_create(entries, completions, flags, &ring))
        guard let ring = unsafe ring else { throw .noMemory }
        unsafe self.ring = ring
    }

    deinit { unsafe asyncio_ring_destroy(ring) }

    /// A descriptor that is readable when there are completions.
    package var descriptor: Int32 { unsafe asyncio_ring_descriptor(ring) }

    // MARK: Submitting

    package func poll(_ descriptor: Int32, for interest: Interest, token: UInt64) throws(Errno) {
        let events = interest.subtracting(.edge).mask
        _ = try unsafe check(asyncio_ring_poll(ring, descriptor, events, interest.contains(.edge), token))
    }

    package func cancel(_ token: UInt64) throws(Errno) {
        _ = try unsafe check(asyncio_ring_cancel(ring, token))
    }

    /// Cancels an operation. The operation releases its descriptor before this method returns.
    package func cancelNow(_ token: UInt64) throws(Errno) {
        _ = try unsafe check(asyncio_ring_cancel_now(ring, token))
    }

    // MARK: Entering

    /// Submits the queued operations and waits for `completions`, for at most `timeout` nanoseconds, or without a limit
    /// if `timeout` is nil.
    package func enter(waitingFor completions: UInt32, timeout: Int64?) throws(Errno) {
        _ = try unsafe check(asyncio_ring_enter(ring, completions, timeout ?? -1))
    }

    package func submit() throws(Errno) { _ = try unsafe check(asyncio_ring_submit(ring)) }

    /// Whether entering the ring would have an effect.
    package var hasWork: Bool { unsafe asyncio_ring_has_work(ring) }

    // MARK: Completions

    /// Takes the oldest completion.
    package func next() -> Completion? {
        var completion = asyncio_completion()
        guard unsafe asyncio_ring_next(ring, &completion) else { return nil }
        return Completion(token: completion.token, result: completion.result, hasMore: completion.more)
    }
}
