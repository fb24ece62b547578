/// A counter that is counted down to zero. Tasks can wait until the counter reaches zero.
///
/// ```swift
/// let ready = Latch(workers.count)
/// for worker in workers { createTask { try await worker.start(); try ready.countDown() } }
/// try await ready.wait()
/// ```
///
/// A latch can be used only once. If tasks have to wait for each other repeatedly, use a ``Barrier``.
///
/// asyncio: none. Java: `CountDownLatch`. C++: `std::latch`.
public final class Latch {
    private let zero = Event()

    /// The remaining number of times that the latch must be counted down.
    public private(set) var count: Int

    /// Creates a latch.
    ///
    /// - Parameter count: The number of times that the latch must be counted down. If this is 0, ``wait()`` returns
    ///   immediately.
    /// - Precondition: `count` is not negative. For a number that is known only at run time, use ``init(validating:)``.
    public init(_ count: Int) {
        if count < 0 { stop(Latch.message(count), instead: "Latch(validating:)") }
        self.count = count
        if count == 0 { zero.set() }
    }

    /// Creates a latch from a number that is known only at run time.
    ///
    /// - Parameter count: The number of times that the latch must be counted down.
    /// - Throws: ``ValueError`` if `count` is negative.
    public convenience init(validating count: Int) throws(ValueError) {
        guard count >= 0 else { throw ValueError(Latch.message(count)) }
        self.init(count)
    }

    private static func message(_ count: Int) -> String { "count must not be negative, got \(count)" }

    /// Subtracts `number` from the count. If the count reaches zero, all waiting tasks continue.
    ///
    /// - Parameter number: The number to subtract from the count.
    /// - Throws: ``ValueError`` if `number` is less than 1 or more than ``count``. In that case, the count is not
    ///   changed.
    /// - Complexity: O(*n*) if the latch reaches zero, where *n* is the number of waiting tasks.
    public func countDown(by number: Int = 1) throws(ValueError) {
        guard number >= 1 else { throw ValueError("countDown(by:) needs a positive number, got \(number)") }
        guard number <= count else {
            throw ValueError("countDown(by: \(number)) exceeds the latch's count of \(count)")
        }
        count -= number
        if count == 0 { zero.set() }
    }

    /// Waits until the count is zero. If the count is already zero, this method does not suspend.
    ///
    /// - Throws: `CancellationError` if the task is cancelled while it waits.
    public func wait() async throws { try await zero.wait() }
}
