/// A future that has no value and that only one task waits for. For example, the entries of a WaitQueue are waiters.
@usableFromInline
final class Waiter: FutureBase {
    // The links in the WaitQueue that contains this waiter, if any. The queue retains the previous waiter.
    @safe @exclusivity(unchecked) var next: Waiter?
    @safe @exclusivity(unchecked) var previous: Unretained<Waiter>?

    /// Whether the waiter is in a WaitQueue.
    var isQueued: Bool {
        get { tag != 0 }
        set { tag = newValue ? 1 : 0 }
    }

    /// A description of the wait, for use in reports, such as "Lock.acquire()".
    private let purpose: LiteralText
    /// The object that the task waits for, such as a lock or a queue.
    //
    // SAFETY: the value is nil or an object that the waiting frame retains.
    @safe @exclusivity(unchecked) unowned(unsafe) let subject: AnyObject?

    init(for purpose: StaticString, on subject: AnyObject? = nil) {
        self.purpose = LiteralText(purpose)
        self.subject = subject
        super.init()
    }

    override var waitDescription: String { purpose.description }
    override var waitSubject: AnyObject? { subject }

    /// Wakes the waiting task. This method does nothing if the waiter has already ended.
    func complete() {
        if state == .pending { complete(as: .finished) }
    }

    /// Wakes the waiting task on `loop`, which the caller already knows. This method does nothing if the waiter has
    /// already ended.
    @inline(__always)
    func complete(on loop: EventLoop) {
        if state == .pending { complete(as: .finished, on: loop) }
    }

    /// Resets the waiter, so that a task that retains the waiter can use it for another wait. This method does nothing
    /// if the waiter has not ended.
    func reset() {
        guard state != .pending else { return }
        state = .pending
        extras = nil
    }

    /// Waits for ``complete()``.
    ///
    /// - Throws: `CancellationError` if the waiter or the task was cancelled.
    @inline(__always)
    func wait(
        ignoresNativeCancellation: Bool = false
    ) async throws {
        if state == .pending { try await park(ignoresNativeCancellation: ignoresNativeCancellation) }
        if state == .cancelled { try throwCancellation() }
    }
}
