internal import CShims
package import SystemPackage

/// An io_uring: a queue of things to do and a queue of things done, both shared with the
/// kernel. Belongs to one thread at a time; see uring.h for what each call does.
@safe
package final class Ring {
    /// What an operation came to.
    package struct Completion {
        /// What the operation was submitted with.
        package let token: UInt64
        /// What its system call would have returned, or a negative error number.
        package let result: Int32
        /// Whether the same operation will complete again.
        package let hasMore: Bool

        package var error: Errno? { result < 0 ? Errno(rawValue: -result) : nil }
    }

    // SAFETY: made here, destroyed here, and used by one thread at a time.
    let ring: OpaquePointer

    /// - Parameter isOwned: the ring belongs to the thread that first enters it, which makes
    ///   it cheaper; on another one, entering it throws `.fileExists`.
    package init(entries: UInt32, completions: UInt32, isOwned: Bool) throws(Errno) {
        var ring: OpaquePointer?
        let flags = isOwned ? UInt32(ASYNCIO_RING_OWNED) : 0
        _ = try unsafe check(asyncio_ring_create(entries, completions, flags, &ring))
        guard let ring = unsafe ring else { throw .noMemory }
        unsafe self.ring = ring
    }

    deinit { unsafe asyncio_ring_destroy(ring) }

    /// Readable when there are completions.
    package var descriptor: Int32 { unsafe asyncio_ring_descriptor(ring) }

    // MARK: Submitting

    package func poll(_ descriptor: Int32, for interest: Interest, token: UInt64) throws(Errno) {
        _ = try unsafe check(asyncio_ring_poll(ring, descriptor, interest.rawValue, token))
    }

    package func cancel(_ token: UInt64) throws(Errno) {
        _ = try unsafe check(asyncio_ring_cancel(ring, token))
    }

    /// The operation lets go of its descriptor before this returns.
    package func cancelNow(_ token: UInt64) throws(Errno) {
        _ = try unsafe check(asyncio_ring_cancel_now(ring, token))
    }

    // MARK: Entering

    /// Hands over what is queued and waits for `completions`, for `timeout` nanoseconds at
    /// most, for ever if that is nil.
    package func enter(waitingFor completions: UInt32, timeout: Int64?) throws(Errno) {
        _ = try unsafe check(asyncio_ring_enter(ring, completions, timeout ?? -1))
    }

    package func submit() throws(Errno) { _ = try unsafe check(asyncio_ring_submit(ring)) }

    /// Whether entering would do anything.
    package var hasWork: Bool { unsafe asyncio_ring_has_work(ring) }

    // MARK: Completions

    /// Takes the oldest completion.
    package func next() -> Completion? {
        var completion = asyncio_completion()
        guard unsafe asyncio_ring_next(ring, &completion) else { return nil }
        return Completion(token: completion.token, result: completion.result, hasMore: completion.more)
    }

    /// What a completed poll reports.
    package static func readiness(_ result: Int32) -> Interest { Interest(rawValue: asyncio_ring_ready(result)) }
}
