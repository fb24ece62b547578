/// A lock, and a line of tasks that wait for something about what it guards to change.
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
    @safe @exclusivity(unchecked) var line = WaitQueue()
    /// The lock, which may be shared with other conditions.
    public let lock: Lock

    public init(lock: Lock = Lock()) { self.lock = lock }

    /// Whether somebody holds the lock.
    public var isLocked: Bool { lock.isLocked }

    /// Waits for the lock and takes it; see ``Lock/acquire()``.
    public nonisolated(nonsending) func acquire() async throws { try await lock.acquire() }

    /// Lets the lock go; see ``Lock/release()``.
    public func release() throws(RuntimeError) { try lock.release() }

    /// Lets the lock go, waits to be notified, and takes the lock again.
    ///
    /// The lock is held when this returns or throws, however often the task is cancelled
    /// meanwhile. A notification that came to a task that leaves with an error goes to
    /// another. What was waited for may not be so any more: look again, or give `wait` the
    /// predicate.
    ///
    /// - Throws: ``RuntimeError`` if the lock is not held; `CancellationError`.
    ///
    /// asyncio: `Condition.wait`.
    public nonisolated(nonsending) func wait() async throws {
        guard lock.isLocked else { throw RuntimeError("wait() on a Condition whose lock is not held") }
        let place = Waiter(for: "Condition.wait()", on: self)
        try lock.release()
        var cancellation: (any Error)?
        line.append(place)
        do { try await place.wait() } catch { cancellation = error }
        line.remove(place)

        // The lock must be held again, whatever is cancelled meanwhile; the latest
        // request is thrown once it is.
        let task = runningTask()
        var message = task?.cancelMessage
        while true {
            do {
                try await lock.acquire(ignoresNativeCancellation: true)
                break
            } catch {
                cancellation = error
                message = task?.cancelMessage
            }
        }
        guard let cancellation else { return }
        task?.deliveredMessage = message
        line.wake(1)
        throw cancellation
    }

    /// Waits until `predicate`, which is looked at with the lock held, is true.
    ///
    /// - Throws: ``RuntimeError`` if the lock is not held and the predicate is false;
    ///   `CancellationError`; what the predicate throws.
    ///
    /// asyncio: `Condition.wait_for`.
    public nonisolated(nonsending) func wait(for predicate: () throws -> Bool) async throws {
        while try !predicate() { try await wait() }
    }

    /// Wakes the first `count` tasks that wait; they go on when they have the lock.
    ///
    /// - Throws: ``RuntimeError`` if the lock is not held.
    ///
    /// asyncio: `Condition.notify`.
    public func notify(_ count: Int = 1) throws(RuntimeError) {
        guard lock.isLocked else { throw RuntimeError("notify() on a Condition whose lock is not held") }
        line.wake(count)
    }

    /// Wakes all tasks that wait.
    ///
    /// - Throws: ``RuntimeError`` if the lock is not held.
    ///
    /// asyncio: `Condition.notify_all`.
    public func notifyAll() throws(RuntimeError) { try notify(.max) }
}
