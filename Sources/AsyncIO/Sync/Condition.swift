/// A lock with a queue of tasks that wait for a change to the state that the lock protects.
///
/// ```swift
/// try await condition.withLock {
///     try await condition.wait { !items.isEmpty }
///     use(items.removeFirst())
/// }
/// ```
///
/// asyncio: `asyncio.Condition`.
public final class Condition {
    let line = WaitQueue()
    /// The lock, which can be shared with other conditions.
    public let lock: Lock

    /// Creates a condition.
    ///
    /// - Parameter lock: The lock of the condition. The default is a new lock.
    public init(lock: Lock = Lock()) { self.lock = lock }

    /// Whether the lock is held.
    ///
    /// asyncio: `Condition.locked`.
    public var isLocked: Bool { lock.isLocked }

    /// Waits until the lock is free, and acquires the lock; see ``Lock/acquire()``.
    ///
    /// - Throws: `CancellationError` if the task is cancelled while it waits. In that case, the
    ///   lock is not acquired.
    ///
    /// asyncio: `Condition.acquire`.
    public func acquire() async throws { try await lock.acquire() }

    /// Releases the lock; see ``Lock/release()``.
    ///
    /// - Throws: ``RuntimeError`` if the lock is not held.
    ///
    /// asyncio: `Condition.release`.
    public func release() throws(RuntimeError) { try lock.release() }

    /// Releases the lock, waits to be notified, and acquires the lock again.
    ///
    /// The lock is held when this method returns or throws, even if the task is cancelled several times in the
    /// meantime. If this method throws an error in a notified task, the notification is passed on to another task. The
    /// state may have changed again by the time this method returns, so check the state again, or use ``wait(for:)``.
    ///
    /// - Throws: ``RuntimeError`` if the lock is not held; `CancellationError` if the task is
    ///   cancelled while it waits.
    ///
    /// asyncio: `Condition.wait`.
    public func wait() async throws {
        guard lock.isLocked else { throw RuntimeError("wait() was called on a Condition whose lock is not held") }
        try lock.release()
        var cancellation: HeldCancellation?
        do { try await line.park(for: "Condition.wait()", on: self) } catch { cancellation = HeldCancellation(error) }

        // The lock must be held again even if the task is cancelled in the meantime.
        let later = await shielded(ignoresNativeCancellation: true) {
            try await lock.acquire(ignoresNativeCancellation: $0)
        }
        guard let cancellation = later ?? cancellation else { return }
        line.wake(1)
        throw cancellation.delivered()
    }

    /// Waits until `predicate` returns `true`. The predicate is called while the lock is held.
    ///
    /// - Throws: ``RuntimeError`` if the lock is not held and the predicate returns `false`; `CancellationError` if the
    ///   task is cancelled while it waits; the error that the predicate throws.
    ///
    /// asyncio: `Condition.wait_for`.
    public func wait(for predicate: () throws -> Bool) async throws {
        while try !predicate() { try await wait() }
    }

    /// Wakes the first `count` waiting tasks. Each task continues when it has acquired the lock.
    ///
    /// - Parameter count: The maximum number of tasks to wake.
    /// - Throws: ``RuntimeError`` if the lock is not held.
    /// - Complexity: O(*n*), where *n* is the number of waiting tasks.
    ///
    /// asyncio: `Condition.notify`.
    public func notify(_ count: Int = 1) throws(RuntimeError) {
        guard lock.isLocked else { throw RuntimeError("notify() was called on a Condition whose lock is not held") }
        line.wake(count)
    }

    /// Wakes all waiting tasks.
    ///
    /// - Throws: ``RuntimeError`` if the lock is not held.
    /// - Complexity: O(*n*), where *n* is the number of waiting tasks.
    ///
    /// asyncio: `Condition.notify_all`.
    public func notifyAll() throws(RuntimeError) { try notify(.max) }
}
