/// What the clients saw.
final class Tally {
    /// How many replies there should be.
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

    /// The first message is about to be sent.
    func begin() { start = .now }

    /// The last reply is there.
    func end() { elapsed = start.duration(to: .now) }

    func note(latency: Duration) { latencies.append(latency) }

    func note(_ error: any Error) {
        errors += 1
        firstError = firstError ?? error
    }

    /// How many replies there are.
    var messages: Int { latencies.count }
}
