/// Mutual exclusion across awaits, first come, first served.
///
/// ```swift
/// let lock = Lock()
/// try await lock.withLock { counter = try await next(counter) }
/// ```
///
/// It has no owner and is not reentrant. Taking a free lock does not suspend.
///
/// asyncio: `asyncio.Lock`.
public final class Lock {
    @safe @exclusivity(unchecked) var line = WaitQueue()
    /// Whether somebody holds the lock.
    ///
    /// asyncio: `Lock.locked`.
    @safe @exclusivity(unchecked) public private(set) var isLocked = false

    /// The number of the task that took it; 0 if no task holds it.
    @safe @exclusivity(unchecked) private(set) var ownerNumber: UInt64 = 0

    public init() {}

    /// Waits until the lock is free, and takes it.
    ///
    /// - Throws: `CancellationError`; then the lock was not taken.
    ///
    /// asyncio: `Lock.acquire`.
    public nonisolated(nonsending) func acquire() async throws {
        try await acquire(ignoresNativeCancellation: false)
    }

    @inline(__always)
    nonisolated(nonsending) func acquire(
        ignoresNativeCancellation: Bool
    ) async throws {
        if isLocked || line.hasLiveWaiter {
            let place = Waiter(for: "Lock.acquire()", on: self)
            line.append(place)
            do {
                try await place.wait(ignoresNativeCancellation: ignoresNativeCancellation)
                line.remove(place)
            } catch {
                line.remove(place)
                if !isLocked { line.wakeHead() }
                throw error
            }
        }
        isLocked = true
        ownerNumber = EventLoop.currentTaskNumber
    }

    /// Lets the lock go; the first in line gets it in the next turn.
    ///
    /// - Throws: ``RuntimeError`` if nobody holds it.
    ///
    /// asyncio: `Lock.release`.
    public func release() throws(RuntimeError) {
        guard isLocked else { throw RuntimeError("release() of a Lock that is not locked") }
        isLocked = false
        ownerNumber = 0
        line.wakeHead()
    }
}
