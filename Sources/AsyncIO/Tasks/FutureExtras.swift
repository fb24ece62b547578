internal import AsyncIOSystem

/// The rarely used state of a future. This object is allocated on demand, so that most futures use no memory for it.
final class FutureExtras {
    /// All callbacks except the first one.
    var callbacks: [FutureBase.Callback] = []
    var failure: (any Error)?
    var storedMessage: String?
    /// The place where the future was created. The place is recorded only in debug mode.
    var trace: CodeAddresses?

    // The following properties are used only for tasks.
    var requestedMessage: String?
    var deliveredMessage: String?
    var givenName: String?
    /// The latest cancellation request that the task passed on. The request is recorded only if the task is in a long
    /// chain of waiting tasks.
    var latestPass: Pass?

    struct Pass: Equatable {
        let turn: UInt64
        let target: ObjectIdentifier
    }
}

extension FutureBase {
    fileprivate final func madeExtras() -> FutureExtras {
        if let extras { return extras }
        let new = FutureExtras()
        extras = new
        return new
    }

    /// All callbacks except the first one.
    final var others: [Callback] {
        get { extras?.callbacks ?? [] }
        _modify { yield &madeExtras().callbacks }
    }

    /// The error that the future ended with, if any.
    final var failure: (any Error)? {
        get { extras?.failure }
        set { madeExtras().failure = newValue }
    }

    /// Records the place where the future is created. This method is called only in debug mode.
    @inline(never)
    final func noteMaker() { madeExtras().trace = CodeAddresses() }

    /// The message of the cancellation that ended the future.
    final var storedMessage: String? {
        get { extras?.storedMessage }
        set { if newValue != nil || extras != nil { madeExtras().storedMessage = newValue } }
    }
}

extension AnyAsyncTask {
    /// The message of the pending cancellation request; see `mustCancel`.
    final var requestedMessage: String? {
        get { extras?.requestedMessage }
        set { if newValue != nil || extras != nil { madeExtras().requestedMessage = newValue } }
    }

    /// The message of the latest cancellation that this task received.
    final var deliveredMessage: String? {
        get { extras?.deliveredMessage }
        set { if newValue != nil || extras != nil { madeExtras().deliveredMessage = newValue } }
    }

    final var latestPass: FutureExtras.Pass? {
        get { extras?.latestPass }
        set { madeExtras().latestPass = newValue }
    }

    final var givenName: String? {
        get { extras?.givenName }
        set { if newValue != nil || extras != nil { madeExtras().givenName = newValue } }
    }
}
