/// A future without a value, which one task waits for: its place in a line, or a
/// timer.
final class Waiter: FutureBase {
    // Links of the WaitQueue it stands in, if any; see there.
    @safe @exclusivity(unchecked) var next: Waiter?
    // SAFETY: nil, or the waiter before this one, which the line holds.
    @safe @exclusivity(unchecked) unowned(unsafe) var previous: Waiter?

    /// What the wait is for, for reports: "Lock.acquire()", say.
    private let purpose: LiteralText
    /// Whose wait it is: the lock, the queue.
    //
    // SAFETY: nil, or an object that the frame which waits holds.
    @safe @exclusivity(unchecked) unowned(unsafe) let subject: AnyObject?

    init(for purpose: StaticString, on subject: AnyObject? = nil) {
        self.purpose = LiteralText(purpose)
        self.subject = subject
        super.init()
    }

    override var waitDescription: String { purpose.description }
    override var waitSubject: AnyObject? { subject }

    /// Wakes whoever waits; does nothing if the waiter has ended already.
    func complete() {
        if state == .pending { complete(as: .finished) }
    }

    /// Makes it as new, for whoever waits again and again and holds it. Does nothing while
    /// somebody waits.
    func reset() {
        guard state != .pending else { return }
        state = .pending
        extras = nil
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
