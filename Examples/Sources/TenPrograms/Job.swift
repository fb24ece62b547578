/// What the scheduler runs.
struct Job {
    enum Time {
        case every(Duration)
        /// In UTC.
        case daily(hour: Int, minute: Int)
    }

    let name: String
    let time: Time
    let limit: Duration
    let run: () async throws -> Void

    init(_ name: String, _ time: Time, limit: Duration, run: @escaping () async throws -> Void) {
        (self.name, self.time, self.limit, self.run) = (name, time, limit, run)
    }
}
