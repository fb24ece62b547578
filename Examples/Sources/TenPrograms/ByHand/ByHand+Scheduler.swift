import AsyncIO
import Glibc

extension ByHand {
    /// Runs jobs until the task is cancelled. A job never runs twice at the same time. If it was still running at one
    /// or more of its times, it runs once more afterward. A job that fails is reported, and runs again at its next
    /// time.
    static func schedule(_ jobs: [Job], report: @escaping (String, any Error) -> Void) async throws {
        try await gather(jobs) { job in
            var next = try job.first()
            while true {
                try await sleep(until: next)
                do {
                    try await withTimeout(job.limit) { try await job.run() }
                } catch let error where !(error is CancellationError) { report(job.name, error) }
                next = try job.next(after: next)
            }
        }
    }
}

extension Job {
    fileprivate func first() throws -> ContinuousClock.Instant {
        let now = try EventLoop.running.now
        switch time {
        case .every(let interval): return now.advanced(by: interval)
        case .daily(let hour, let minute): return now.advanced(by: Self.wait(until: hour, minute))
        }
    }

    fileprivate func next(after last: ContinuousClock.Instant) throws -> ContinuousClock.Instant {
        guard case .every(let interval) = time else { return try first() }
        let now = try EventLoop.running.now
        var next = last.advanced(by: interval)
        while next.advanced(by: interval) <= now { next = next.advanced(by: interval) }
        return next
    }

    /// The time until a time of day, in UTC.
    private static func wait(until hour: Int, _ minute: Int) -> Duration {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        let day = 24 * 3_600
        let now = time.tv_sec % day
        let seconds = (hour * 60 + minute) * 60 - now
        return .seconds(seconds > 0 ? seconds : seconds + day) - .nanoseconds(time.tv_nsec)
    }
}
