import AsyncIOSystem

/// The table that is printed at the end.
struct Summary: CustomStringConvertible {
    private let rows: [(label: String, value: String)]

    init(_ tally: Tally, clients: Int) {
        let seconds = tally.elapsed / .seconds(1)
        let sorted = tally.latencies.sorted()
        rows = [
            ("clients", grouped(clients)),
            ("messages", grouped(tally.messages)),
            ("messages per second", grouped(seconds > 0 ? Int(Double(tally.messages) / seconds) : 0)),
            ("latency, p50", milliseconds(percentile(50, of: sorted))),
            ("latency, p99", milliseconds(percentile(99, of: sorted))),
            ("peak memory", "\(fixed(Double(Resources.peakMemory) / 1_048_576, digits: 1)) MiB"),
            ("errors", grouped(tally.errors)),
        ]
    }

    var description: String {
        let labels = rows.map(\.label.count).max() ?? 0
        let values = rows.map(\.value.count).max() ?? 0
        return rows.map { row in
            row.label.padded(to: labels) + "  " + String(repeating: " ", count: values - row.value.count) + row.value
        }.joined(separator: "\n")
    }
}

/// Returns the value that `percent` percent of the sorted values do not exceed.
private func percentile(_ percent: Int, of sorted: [Duration]) -> Duration {
    guard !sorted.isEmpty else { return .zero }
    return sorted[(sorted.count * percent + 99) / 100 - 1]
}

private func milliseconds(_ duration: Duration) -> String {
    "\(fixed(duration / .milliseconds(1), digits: 2)) ms"
}

/// Formats a number with `digits` digits after the decimal point.
private func fixed(_ number: Double, digits: Int) -> String {
    let scale = (0..<digits).reduce(1) { scale, _ in scale * 10 }
    let scaled = Int((number * Double(scale)).rounded())
    let fraction = String(scaled % scale)
    return "\(grouped(scaled / scale)).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
}

/// Formats 1234567 as 1,234,567.
func grouped(_ number: Int) -> String {
    var digits = String(number)
    var index = digits.count - 3
    while index > 0 {
        digits.insert(",", at: digits.index(digits.startIndex, offsetBy: index))
        index -= 3
    }
    return digits
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: width - count) }
}
