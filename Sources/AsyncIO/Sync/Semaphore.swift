/// A counting semaphore. Waiting tasks acquire the semaphore in FIFO order.
///
/// asyncio: `asyncio.Semaphore`.
public class Semaphore {
    final let slots: Slots
    /// The number of times that the semaphore can be acquired without waiting.
    public final var value: Int { slots.free }

    /// Creates a semaphore.
    ///
    /// - Parameter value: The number of times that the semaphore can be acquired without waiting.
    /// - Precondition: `value` is not negative. For a value that is known only at run time, use ``init(validating:)``.
    public init(_ value: Int = 1) {
        if value < 0 { stop(Semaphore.message(value), instead: "Semaphore(validating:)") }
        slots = Slots(value)
    }

    /// Creates a semaphore from a value that is known only at run time.
    ///
    /// - Parameter value: The number of times that the semaphore can be acquired without waiting.
    /// - Throws: ``ValueError`` if `value` is negative.
    public convenience init(validating value: Int) throws(ValueError) {
        guard value >= 0 else { throw ValueError(Semaphore.message(value)) }
        self.init(value)
    }

    private static func message(_ value: Int) -> String { "Semaphore initial value must be >= 0, got \(value)" }

    /// Whether a call to `acquire()` has to wait. A call has to wait if the value is 0 or other tasks are waiting.
    ///
    /// asyncio: `Semaphore.locked`.
    public final var isLocked: Bool { slots.areTaken }

    /// Waits until the value is positive, and decrements the value.
    ///
    /// - Throws: `CancellationError` if the task is cancelled while it waits. In that case, the
    ///   value is not changed.
    ///
    /// asyncio: `Semaphore.acquire`.
    public final func acquire() async throws { try await slots.take(for: "Semaphore.acquire()", on: self) }

    /// Increments the value, or passes the semaphore to the first waiting task.
    ///
    /// - Throws: ``ValueError`` if the value is already `Int.max`. A ``BoundedSemaphore`` throws this error if the
    ///   value would exceed the initial value.
    ///
    /// asyncio: `Semaphore.release`.
    public func release() throws(ValueError) {
        guard value < .max else { throw ValueError("Semaphore released too many times") }
        slots.release()
    }
}

/// A semaphore that cannot be released more often than it was acquired.
///
/// asyncio: `asyncio.BoundedSemaphore`.
public final class BoundedSemaphore: Semaphore {
    let bound: Int

    /// Creates a semaphore.
    ///
    /// - Parameter value: The initial value, which is also the maximum value.
    /// - Precondition: `value` is not negative. For a value that is known only at run time, use
    ///   ``Semaphore/init(validating:)``.
    public override init(_ value: Int = 1) {
        bound = value
        super.init(value)
    }

    /// Increments the value, or passes the semaphore to the first waiting task.
    ///
    /// - Throws: ``ValueError`` if the value would exceed the initial value.
    ///
    /// asyncio: `BoundedSemaphore.release`.
    public override func release() throws(ValueError) {
        guard value < bound else { throw ValueError("BoundedSemaphore released too many times") }
        try super.release()
    }
}
