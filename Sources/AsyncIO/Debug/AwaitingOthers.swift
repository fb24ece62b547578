/// What a wait can be for that ends when tasks or futures do.
protocol AwaitingOthers: AnyObject {
    /// Those whose end it waits for.
    var awaited: [FutureBase] { get }
}

/// What a wait can be for that only certain tasks can end.
protocol HeldByTasks: AnyObject {
    /// Who holds it; nothing if nobody does, or it cannot be told.
    var holders: [AnyAsyncTask] { get }
}

/// What `wait()` waits for.
final class WaitedFutures: AwaitingOthers {
    let awaited: [FutureBase]
    init(_ futures: [FutureBase]) { awaited = futures }
}

extension AsyncTaskGroup: AwaitingOthers {
    var awaited: [FutureBase] { tasks }
}

extension FutureBase: AwaitingOthers {}

extension Lock: HeldByTasks {
    var holders: [AnyAsyncTask] { owner.map { [$0] } ?? [] }
}
