import AsyncIO

extension Short {
    /// Runs jobs until the task is cancelled. A job never runs twice at the same time. If it was still running at one
    /// or more of its times, it runs once more afterward. A job that fails is reported, and runs again at its next
    /// time.
    static func schedule(_ jobs: [Job], report: @escaping (String, any Error) -> Void) async throws {
        func run(_ job: Job) async throws {
            do {
                try await withTimeout(job.limit) { try await job.run() }
            } catch let error where !(error is CancellationError) { report(job.name, error) }
        }
        try await gather(jobs) { job in
            switch job.time {
            case .every(let interval):
                for try await _ in ticks(every: interval, missed: .skip) { try await run(job) }
            case .daily(let hour, let minute):
                for try await _ in try Schedule("\(minute) \(hour) * * *", zone: .utc).times { try await run(job) }
            }
        }
    }
}
