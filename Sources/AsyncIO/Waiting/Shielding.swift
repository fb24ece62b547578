// # Waits that cancellation does not end
//
// Some waits have to reach their end: a condition must hold its lock again, the memory of a file request belongs to the
// kernel until the request has ended, and a scope must not return before its tasks have ended. If a request to cancel
// arrives in the meantime, it ends the current wait, as usual. The shielded operation stores the request, waits again,
// and throws the cancellation at the end. If several requests arrive, the latest cancellation is thrown, with its
// message.
//
// The native cancellation of a plain Swift task stays set. After such a task has noticed the cancellation, the task's
// further waits ignore it. Otherwise, they would all end immediately.

/// A cancellation that a task has received and will throw later.
struct HeldCancellation {
    let error: any Error
    let message: String?

    /// Holds an error that the current task has just received.
    init(_ error: any Error) {
        self.error = error
        message = runningTask()?.deliveredMessage
    }

    /// Marks this cancellation as the latest one that the current task has received, and returns the error to throw.
    func delivered() -> any Error {
        runningTask()?.deliveredMessage = message
        return error
    }
}

/// Repeats `wait` until it returns without an error, even if the task is cancelled.
///
/// - Parameters:
///   - ignoresNativeCancellation: Whether the first wait of a plain Swift task also ignores the task's cancellation.
///   - wait: A function that waits for a condition and returns when the condition is true. The parameter specifies
///     whether the waits ignore the native cancellation of a plain Swift task.
///   - onCancel: A function that is called for each cancellation request, before the next wait.
/// - Returns: The latest cancellation that the task received during the call, if any.
@inline(__always)
func shielded(
    ignoresNativeCancellation: Bool = false, _ wait: (_ ignoresNativeCancellation: Bool) async throws -> Void,
    onCancel: (HeldCancellation) -> Void = { _ in }
) async -> HeldCancellation? {
    var held: HeldCancellation?
    while true {
        do {
            try await wait(ignoresNativeCancellation || held != nil)
            return held
        } catch {
            let cancellation = HeldCancellation(error)
            held = cancellation
            onCancel(cancellation)
        }
    }
}
