/// The results that the clients measured.
final class Tally {
    /// The expected number of replies.
    let expected: Int
    private(set) var latencies: [Duration] = []
    private(set) var errors = 0
    private(set) var firstError: (any Error)?
    private(set) var elapsed = Duration.zero
    private var start = ContinuousClock.now

    init(expected: Int) {
        self.expected = expected
        latencies.reserveCapacity(expected)
    }

    /// Starts the measurement. Call this method before the first message is sent.
    func begin() { start = .now }

    /// Ends the measurement. Call this method after the last reply has arrived.
    func end() { elapsed = start.duration(to: .now) }

    func note(latency: Duration) { latencies.append(latency) }

    func note(_ error: any Error) {
        errors += 1
        firstError = firstError ?? error
    }

    /// The number of replies so far.
    var messages: Int { latencies.count }
}
