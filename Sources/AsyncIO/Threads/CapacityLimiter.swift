/// A limit to how many things happen at the same time, which can be changed.
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

    /// How many can be in use at the same time. Setting it lets waiting tasks continue if it grows. If it shrinks, those
    /// that are in use stay so, and no others are given until fewer are in use than this.
    ///
    /// - Precondition: The number is at least 1.
    public var total: Int {
        willSet { precondition(newValue >= 1, "the total of a CapacityLimiter must be at least 1") }
        didSet {
            var added = total - oldValue
            while added > 0 {
                giveBack()
                added -= 1
            }
            while added < 0 {
                if !slots.takeNoWait() { excess += 1 }
                added += 1
            }
        }
    }

    /// How many more are in use than the total allows.
    private var excess = 0

    /// How many are in use.
    public private(set) var used = 0

    /// Creates a limiter.
    ///
    /// - Parameter total: How many can be in use at the same time.
    /// - Precondition: `total` is at least 1. For a number from outside the program, use ``init(validating:)``.
    public init(_ total: Int) {
        if total < 1 { stop(Self.message(total), instead: "CapacityLimiter(validating:)") }
        self.total = total
        slots = Slots(total)
    }

    /// Creates a limiter from a number that is computed or comes from outside the program.
    ///
    /// - Parameter total: How many can be in use at the same time.
    /// - Throws: ``ValueError`` if `total` is less than 1.
    public convenience init(validating total: Int) throws(ValueError) {
        guard total >= 1 else { throw ValueError(Self.message(total)) }
        self.init(total)
    }

    private static func message(_ total: Int) -> String { "total must be at least 1, got \(total)" }

    /// Waits until fewer are in use than the total, and takes one.
    ///
    /// - Throws: `CancellationError` if the task is cancelled while it waits. In that case, none is taken.
    ///
    /// trio: `CapacityLimiter.acquire`.
    public func acquire() async throws {
        try await slots.take(for: "CapacityLimiter.acquire()", on: self)
        used += 1
    }

    /// Gives one back.
    ///
    /// - Precondition: One is in use.
    ///
    /// trio: `CapacityLimiter.release`.
    public func release() {
        precondition(used > 0, "release() was called on a CapacityLimiter that is not in use")
        used -= 1
        giveBack()
    }

    private func giveBack() {
        if excess > 0 { excess -= 1 } else { slots.release() }
    }
}
