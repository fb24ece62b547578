/// A future without a value, which one task waits for: its place in a line, or a
/// timer.
final class Waiter: FutureBase {
    // Links of the WaitQueue it stands in, if any; see there.
    @safe @exclusivity(unchecked) var next: Waiter?
    // SAFETY: nil, or the waiter before this one, which the line holds.
    @safe @exclusivity(unchecked) unowned(unsafe) var previous: Waiter?

    /// What the wait is for, for reports: "Lock.acquire()", say.
    private let purpose: LiteralText

    init(for purpose: StaticString) {
        self.purpose = LiteralText(purpose)
        super.init()
    }

    override var waitDescription: String { purpose.description }

    /// Wakes whoever waits; does nothing if the waiter has ended already.
    func complete() {
        if state == .pending { complete(as: .finished) }
    }

    /// Waits for ``complete()``.
    ///
    /// - Throws: `CancellationError` if the waiter or the task was cancelled.
    @inline(__always)
    nonisolated(nonsending) func wait(
        ignoresNativeCancellation: Bool = false
    ) async throws {
        if state == .pending { try await park(ignoresNativeCancellation: ignoresNativeCancellation) }
        if state == .cancelled { try throwCancellation() }
    }
}
