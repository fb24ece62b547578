/// A mutual-exclusion lock that can be held across awaits. Waiting tasks acquire the lock in FIFO order.
///
/// ```swift
/// let lock = Lock()
/// try await lock.withLock { counter = try await next(counter) }
/// ```
///
/// The lock is not reentrant, and any task can release it. Acquiring a free lock does not suspend.
///
/// asyncio: `asyncio.Lock`.
public final class Lock {
    let line = WaitQueue()
    /// Whether the lock is held.
    ///
    /// asyncio: `Lock.locked`.
    @safe @exclusivity(unchecked) public private(set) var isLocked = false

    /// The rank of the lock for `withLocks`, or 0 if the lock has no rank yet.
    @safe @exclusivity(unchecked) var storedRank: UInt32 = 0

    /// The number of the task that acquired the lock, or 0 if no task holds the lock.
    @safe @exclusivity(unchecked) private(set) var ownerNumber: UInt64 = 0

    /// Creates an unlocked lock.
    public init() {}

    /// Waits until the lock is free, and acquires the lock.
    ///
    /// - Throws: `CancellationError` if the task is cancelled while it waits. In that case, the
    ///   lock is not acquired.
    ///
    /// asyncio: `Lock.acquire`.
    public func acquire() async throws {
        try await acquire(ignoresNativeCancellation: false)
    }

    @inline(__always)
    func acquire(
        ignoresNativeCancellation: Bool
    ) async throws {
        if isTaken {
            try await line.park(
                for: "Lock.acquire()", on: self, ignoresNativeCancellation: ignoresNativeCancellation,
                ifCancelled: { _ in if !isLocked { line.wakeFirst() } })
        }
        isLocked = true
        ownerNumber = EventLoop.currentTaskNumber
    }

    /// Whether a task that requests the lock now must wait.
    @inline(__always)
    var isTaken: Bool { isLocked || line.hasLiveWaiter }

    /// Releases the lock. The first waiting task acquires it in the next turn.
    ///
    /// - Throws: ``RuntimeError`` if the lock is not held.
    ///
    /// asyncio: `Lock.release`.
    public func release() throws(RuntimeError) {
        guard isLocked else { throw RuntimeError("release() was called on a Lock that is not held") }
        isLocked = false
        ownerNumber = 0
        line.wakeFirst()
    }
}
