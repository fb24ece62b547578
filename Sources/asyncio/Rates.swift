/// The activity of a loop per second.
struct Rates {
    var steps, turns, busy, received, sent: Double

    init(from earlier: Snapshot.Figures, to latest: Snapshot.Figures, in time: Duration) {
        let seconds = max(0.001, time / .seconds(1))
        steps = (Double(latest.steps) - Double(earlier.steps)) / seconds
        turns = (Double(latest.turns) - Double(earlier.turns)) / seconds
        busy = (Double(latest.busy) - Double(earlier.busy)) / 1e9 / seconds
        received = (Double(latest.received) - Double(earlier.received)) / seconds
        sent = (Double(latest.sent) - Double(earlier.sent)) / seconds
    }

    static func + (one: Rates, other: Rates) -> Rates {
        var sum = one
        sum.steps += other.steps
        sum.turns += other.turns
        sum.busy += other.busy
        sum.received += other.received
        sum.sent += other.sent
        return sum
    }
}
