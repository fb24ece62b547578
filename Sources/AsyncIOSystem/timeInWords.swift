/// A time in a few digits, for a person: "3.2 s", "15 ms".
package func timeInWords(nanoseconds: Int64) -> String {
    let (value, unit): (Double, String) =
        switch nanoseconds.magnitude {
        case 1_000_000_000...: (Double(nanoseconds) / 1e9, "s")
        case 1_000_000...: (Double(nanoseconds) / 1e6, "ms")
        case 1_000...: (Double(nanoseconds) / 1e3, "µs")
        default: (Double(nanoseconds), "ns")
        }
    let tenths = (value * 10).rounded() / 10
    return tenths == tenths.rounded() ? "\(Int64(tenths)) \(unit)" : "\(tenths) \(unit)"
}
