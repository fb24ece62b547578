internal import CShims

/// A suspended Swift task. The loop resumes it exactly once.
@safe
struct Continuation {
    // SAFETY: created by `withUnsafeContinuation`, whose body stores it in one variable; the variable is
    // cleared when it is resumed.
    private let raw: UnsafeContinuation<Void, Never>

    @inline(__always)
    init(_ raw: UnsafeContinuation<Void, Never>) { unsafe self.raw = raw }

    @inline(__always)
    func resume() { unsafe raw.resume() }

    /// Notifies ThreadSanitizer, if the program contains it, that the calling task was resumed. Call this after each
    /// wait.
    ///
    /// The continuation may be resumed before its task suspends. Then the task continues at once, and the runtime does
    /// not notify ThreadSanitizer of the order of events, as it does otherwise. ThreadSanitizer would report the task's
    /// next wait, which reuses the memory of the continuation, as a race with the thread that resumed it.
    @inline(__always)
    static func wasResumed() { asyncio_task_was_resumed() }
}
