/// A future without a value, which one task waits for: its place in a line, or a
/// timer.
@safe
final class Waiter: FutureBase {
    // Links of the WaitQueue it stands in, if any; see there.
    @safe @exclusivity(unchecked) var next: Waiter?
    // SAFETY: nil, or the waiter before this one, which the line holds.
    @safe @exclusivity(unchecked) unowned(unsafe) var previous: Waiter?
    @safe @exclusivity(unchecked) var isQueued = false

    // What the wait is for, for reports: "Lock.acquire()", say.
    //
    // SAFETY: a literal's bytes, which end with a zero and live as long as the program.
    @safe private let purpose: UnsafePointer<UInt8>
    /// Whose wait it is: the lock, the queue, the timer.
    //
    // SAFETY: nil, or an object that the frame which waits holds.
    @safe @exclusivity(unchecked) unowned(unsafe) var subject: AnyObject?

    init(for purpose: StaticString, on subject: AnyObject? = nil) {
        unsafe self.purpose = purpose.utf8Start
        self.subject = subject
        super.init()
    }

    override var waitDescription: String { unsafe String(cString: purpose) }
    override var waitSubject: AnyObject? { subject }

    /// Wakes whoever waits; does nothing if the waiter has ended already.
    func complete() {
        if state == .pending { complete(as: .finished) }
    }

    /// Waits for ``complete()``.
    ///
    /// - Throws: `CancellationError` if the waiter or the task was cancelled.
    nonisolated(nonsending) func wait(
        ignoresNativeCancellation: Bool = false
    ) async throws {
        if state == .pending { try await park(ignoresNativeCancellation: ignoresNativeCancellation) }
        if state == .cancelled { try throwCancellation() }
    }
}
