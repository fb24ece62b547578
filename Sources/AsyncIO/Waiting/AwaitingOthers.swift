/// An object that lets a task wait until certain tasks or futures have ended.
protocol AwaitingOthers: AnyObject {
    /// The tasks or futures that must end.
    var awaited: [FutureBase] { get }
}

/// An object that tasks can hold, and that other tasks can wait for until the holders release it.
protocol HeldByTasks: AnyObject {
    /// The tasks that hold the object. The array is empty if no task holds the object, or if the holder is unknown.
    var holders: [AnyAsyncTask] { get }
}

/// The futures that a call to `wait()` waits for.
final class WaitedFutures: AwaitingOthers {
    let awaited: [FutureBase]
    init(_ futures: [FutureBase]) { awaited = futures }
}

extension FutureBase: AwaitingOthers {}
