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
}
