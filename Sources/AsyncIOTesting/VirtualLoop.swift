public import AsyncIO

/// An event loop in virtual time: when nothing is ready, its clock jumps to the next
/// timer, so that an hour passes in no time, and the same program always takes the same
/// course.
///
/// Virtual time starts at zero. `Task.sleep` and all that waits on a `Clock` of the
/// standard library follow it too.
public final class VirtualLoop {
    /// The loop.
    public let loop: EventLoop

    /// How a run ended.
    public enum Outcome {
        /// Every task has ended and no timer is left.
        case finished
        /// Nothing can happen any more, but these tasks have not ended.
        case deadlock([AnyAsyncTask])
        /// The next timer lies beyond the limit; these tasks have not ended.
        case timeLimit([AnyAsyncTask])
    }

    /// - Parameter seed: for a random, reproducible order of what is ready; nil for
    ///   asyncio's, first in, first out.
    public init(seed: UInt64? = nil) throws {
        loop = try EventLoop(virtualTimeWithSeed: seed)
    }

    /// Virtual time since the loop was made.
    public var elapsed: Duration { loop.virtualElapsed }

    /// Hands `body` to the loop as a task, to begin when the loop runs.
    @discardableResult
    public func createTask<T>(
        name: String? = nil, _ body: @escaping @MainActor () async throws -> T
    ) -> AsyncTask<T> {
        loop.createMainTask(name: name, body)
    }

    /// Runs until nothing can happen any more, or until the next timer lies beyond `limit`.
    public func run(limit: Duration? = nil) throws -> Outcome {
        let isBeyondLimit = try loop.runUntilStalled(limit: limit)
        let left = loop.unfinishedTasks
        if isBeyondLimit { return .timeLimit(left) }
        return left.isEmpty ? .finished : .deadlock(left)
    }

    /// Ends the loop. Tasks that have not ended stay suspended for ever.
    public func close() throws { try loop.close() }
}

/// Gives `body` a loop in virtual time to run as it likes, and closes it: for code that runs
/// loops by itself. For code that runs on one, see ``runInVirtualTime(seed:_:)``.
///
/// May be called from a test that runs on a loop itself: that loop waits meanwhile.
@discardableResult
public func withVirtualLoop<T>(seed: UInt64? = nil, _ body: (VirtualLoop) throws -> T) throws -> T {
    try EventLoop.outsideOfAnyLoop {
        let virtual = try VirtualLoop(seed: seed)
        let result = Result { try body(virtual) }
        try virtual.close()
        return try result.get()
    }
}
