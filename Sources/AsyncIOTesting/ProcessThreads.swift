internal import AsyncIO
internal import CAsyncIOTesting

/// The threads of the process that run no loop, but follow a loop in virtual time; see timers.c.
final class ProcessThreads: FollowingThreads {
    /// The clock that the threads followed before.
    private let previous: asyncio_testing_clock

    /// Makes the threads follow a loop that is not running yet.
    init(following loop: EventLoop) {
        previous = asyncio_testing_follow(
            asyncio_testing_clock(time: loop.virtualNanoseconds, epoch: loop.virtualEpoch))
        loop.setFollowingThreads(self)
    }

    /// Makes the threads return to the clock that they followed before. Call this method after the loop has been
    /// closed.
    func stopFollowing(_ loop: EventLoop) {
        loop.setFollowingThreads(nil)
        _ = asyncio_testing_follow(previous)
    }

    var nextDeadline: Int64? {
        let next = asyncio_testing_next_deadline()
        return next == .max ? nil : next
    }

    func areIdle() -> Bool { asyncio_testing_are_threads_idle() }

    func follow(_ time: Int64, epoch: Int64) -> Bool {
        asyncio_testing_followed_time_passed(asyncio_testing_clock(time: time, epoch: epoch))
    }
}

extension EventLoop {
    /// Calls `body`, which runs and closes this loop on the calling thread. Meanwhile, the other threads use the given
    /// time.
    func withThreads<T>(in time: ThreadTime, _ body: () throws -> T) throws -> T {
        guard time == .virtual else { return try Self.withThreadsInRealTime(body) }
        try FollowingTurn.take()
        defer { FollowingTurn.release() }
        let threads = ProcessThreads(following: self)
        defer { threads.stopFollowing(self) }
        return try body()
    }

    /// Calls `body`. If this happens inside a run that the threads follow, the threads return to real time until `body`
    /// returns, because the time of the outer run stands still.
    private static func withThreadsInRealTime<T>(_ body: () throws -> T) rethrows -> T {
        guard FollowingTurn.isHeldHere else { return try body() }
        let outer = asyncio_testing_pause_following()
        defer { asyncio_testing_continue_following(outer) }
        return try body()
    }
}
