internal import AsyncIOSystem

/// What few futures and tasks have, kept apart so that the many others neither hold room for
/// it nor have it to let go.
final class FutureExtras {
    /// The callbacks after the first.
    var callbacks: [FutureBase.Callback] = []
    var failure: (any Error)?
    var storedMessage: String?
    /// In debug mode: where it was made.
    var trace: CodeAddresses?

    // Of a task.
    var requestedMessage: String?
    var deliveredMessage: String?
    var givenName: String?
    /// The latest request that it passed on, if that was one in a long chain.
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

    /// The callbacks after the first, which mostly is the only one.
    final var others: [Callback] {
        get { extras?.callbacks ?? [] }
        _modify { yield &madeExtras().callbacks }
    }

    /// What it ended with, if that was an error.
    final var failure: (any Error)? {
        get { extras?.failure }
        set { madeExtras().failure = newValue }
    }

    /// In debug mode: notes who makes it.
    @inline(never)
    final func noteMaker() { madeExtras().trace = CodeAddresses() }

    /// The message that the cancellation was requested with.
    final var storedMessage: String? {
        get { extras?.storedMessage }
        set { if newValue != nil || extras != nil { madeExtras().storedMessage = newValue } }
    }
}

extension AnyAsyncTask {
    /// The message of the request that `mustCancel` stands for.
    final var requestedMessage: String? {
        get { extras?.requestedMessage }
        set { if newValue != nil || extras != nil { madeExtras().requestedMessage = newValue } }
    }

    /// The message of the latest cancellation that this task saw.
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
