/// An adjustable limit on the number of concurrent operations.
///
/// ```swift
/// let limiter = CapacityLimiter(4)
/// let thumbnail = try await toThread(on: .shared, limiter: limiter) { try scale(image) }
/// try await limiter.withLock { try await upload(thumbnail) }
/// ```
///
/// Waiting tasks are served in FIFO order.
///
/// asyncio: `asyncio.Semaphore`, whose value is fixed. anyio and trio: `CapacityLimiter`.
public final class CapacityLimiter: ScopedLocking {
    // Loop thread only.
    private let slots: Slots

    /// The maximum number of slots that can be in use at the same time. If you increase this number, waiting tasks
    /// continue. If you decrease this number, used slots stay in use, and no task gets a slot until the number of used
    /// slots is below the new maximum.
    ///
    /// - Precondition: The number is at least 1.
    public var total: Int {
        willSet { precondition(newValue >= 1, Self.message(newValue)) }
        didSet {
            let added = total - oldValue
            if added > 0 { giveBack(added) } else { excess += -added - slots.remove(-added) }
        }
    }

    /// The number of slots in use beyond the total.
    private var excess = 0

    /// The number of slots that are in use.
    public private(set) var used = 0

    /// Creates a limiter.
    ///
    /// - Parameter total: The maximum number of slots that can be in use at the same time.
    /// - Precondition: `total` is at least 1. For a number that is known only at run time, use ``init(validating:)``.
    public init(_ total: Int) {
        if total < 1 { stop(Self.message(total), instead: "CapacityLimiter(validating:)") }
        self.total = total
        slots = Slots(total)
    }

    /// Creates a limiter from a number that is known only at run time.
    ///
    /// - Parameter total: The maximum number of slots that can be in use at the same time.
    /// - Throws: ``ValueError`` if `total` is less than 1.
    public convenience init(validating total: Int) throws(ValueError) {
        guard total >= 1 else { throw ValueError(Self.message(total)) }
        self.init(total)
    }

    private static func message(_ total: Int) -> String { "total must be at least 1, got \(total)" }

    /// Waits until a slot is free, and takes it.
    ///
    /// - Throws: `CancellationError` if the task is cancelled while it waits. A cancelled call does not take a slot.
    ///
    /// trio: `CapacityLimiter.acquire`.
    public func acquire() async throws {
        try await slots.take(for: "CapacityLimiter.acquire()", on: self)
        used += 1
    }

    /// Takes a slot if one is free and no task is waiting.
    ///
    /// - Returns: Whether a slot was taken.
    ///
    /// trio: `CapacityLimiter.acquire_nowait`, which raises an exception instead.
    public func acquireNoWait() -> Bool {
        guard slots.takeNoWait() else { return false }
        used += 1
        return true
    }

    /// Releases a slot.
    ///
    /// - Precondition: A slot is in use.
    ///
    /// trio: `CapacityLimiter.release`.
    public func release() {
        precondition(used > 0, "release() was called on a CapacityLimiter that is not in use")
        used -= 1
        giveBack(1)
    }

    private func giveBack(_ count: Int) {
        let repaid = min(count, excess)
        excess -= repaid
        slots.release(count - repaid)
    }
}
