/// The subject of a wait that ends when certain tasks or futures end.
protocol AwaitingOthers: AnyObject {
    /// The tasks or futures that have to end.
    var awaited: [FutureBase] { get }
}

/// The subject of a wait that only certain tasks can end.
protocol HeldByTasks: AnyObject {
    /// The tasks that hold it. Empty if no task does, or if the holder is unknown.
    var holders: [AnyAsyncTask] { get }
}

/// The futures that a call of `wait()` waits for.
final class WaitedFutures: AwaitingOthers {
    let awaited: [FutureBase]
    init(_ futures: [FutureBase]) { awaited = futures }
}

extension FutureBase: AwaitingOthers {}
