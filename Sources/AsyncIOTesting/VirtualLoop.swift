public import AsyncIO

/// An event loop in virtual time.
///
/// When nothing is ready, the loop's clock jumps to the next timer. Therefore, an hour passes immediately, and a
/// program behaves in the same way in every run.
///
/// ``elapsed`` starts at zero. `Task.sleep` and other code that waits on a `Clock` of the standard library also follow
/// virtual time.
public final class VirtualLoop {
    /// The loop.
    public let loop: EventLoop

    /// How a run ended. The set of cases is final, so a `switch` needs no `default` case.
    public enum Outcome {
        /// Every task has ended, and no timer is left.
        case finished
        /// Nothing more can happen, but these tasks have not ended.
        case deadlock([AnyAsyncTask])
        /// The next timer is after the limit, and these tasks have not ended.
        case timeLimit([AnyAsyncTask])
    }

    /// Creates a loop.
    ///
    /// - Parameter seed: A seed for a random but reproducible order of ready entries, or `nil` for asyncio's order:
    ///   first in, first out.
    /// - Throws: `OSError` if the system refuses to create the loop.
    public init(seed: UInt64? = nil) throws {
        loop = try EventLoop(virtualTimeWithSeed: seed)
    }

    /// The virtual time since the loop was created.
    public var elapsed: Duration { loop.virtualElapsed ?? .zero }

    /// Creates a task that starts when the loop runs.
    @discardableResult
    public func createTask<T>(
        name: String? = nil, _ body: @escaping @MainActor () async throws -> T
    ) -> AsyncTask<T> {
        loop.createMainTask(name: name, body)
    }

    /// Runs until nothing more can happen, or until the next timer is after `limit`.
    public func run(limit: Duration? = nil) throws -> Outcome {
        let isBeyondLimit = try loop.runUntilStalled(limit: limit)
        let left = loop.unfinishedTasks
        if isBeyondLimit { return .timeLimit(left) }
        return left.isEmpty ? .finished : .deadlock(left)
    }

    /// Closes the loop. Tasks that have not ended stay suspended forever.
    public func close() throws { try loop.close() }
}

/// Passes a loop in virtual time to `body`, and closes the loop afterward.
///
/// Use this function to test code that runs loops itself. For code that runs on a loop, see
/// ``runInVirtualTime(seed:grace:threads:_:)``. You can call this function from a test that itself runs on a loop. That
/// loop waits in the meantime.
@discardableResult
public func withVirtualLoop<T>(seed: UInt64? = nil, _ body: (VirtualLoop) throws -> T) throws -> T {
    try EventLoop.checkCanRunMainActorHere()
    return try EventLoop.outsideOfAnyLoop {
        let virtual = try VirtualLoop(seed: seed)
        return try virtual.loop.withThreads(in: .real) {
            let result = Result { try body(virtual) }
            virtual.loop.checkInvariants()
            try virtual.close()
            return try result.get()
        }
    }
}
