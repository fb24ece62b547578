internal import CShims

/// A suspended Swift task. The loop resumes it exactly once.
@safe
struct Continuation {
    // SAFETY: created by `withUnsafeContinuation`, whose body stores it in one variable; the variable is cleared when
    // the continuation is resumed.
    private let raw: UnsafeContinuation<Void, Never>

    @inline(__always)
    init(_ raw: UnsafeContinuation<Void, Never>) { unsafe self.raw = raw }

    @inline(__always)
    func resume() { unsafe raw.resume() }

    /// Notifies ThreadSanitizer that the calling task was resumed, if the program uses ThreadSanitizer. Call this
    /// method after each wait.
    ///
    /// If the continuation is resumed before its task suspends, the task continues at once. In this case, the runtime
    /// does not notify ThreadSanitizer of the order of events. Without this call, ThreadSanitizer would report a race
    /// between the task's next wait, which reuses the memory of the continuation, and the thread that resumed the
    /// continuation.
    @inline(__always)
    static func wasResumed() { asyncio_task_was_resumed() }
}
