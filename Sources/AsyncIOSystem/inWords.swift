/// Returns a readable duration with two or three digits, such as "3.2 s" or "15 ms".
package func timeInWords(nanoseconds: Int64) -> String {
    let (unit, name) =
        switch nanoseconds.magnitude {
        case 1_000_000_000...: (1e9, "s")
        case 1_000_000...: (1e6, "ms")
        case 1_000...: (1e3, "µs")
        default: (1, "ns")
        }
    return inWords(Double(nanoseconds) / unit, name)
}

/// Returns a readable number of bytes with two or three digits, such as "3.2 MB" or "15 kB".
package func sizeInWords(bytes: Int) -> String {
    let (unit, name) =
        switch bytes.magnitude {
        case 1_000_000_000...: (1e9, "GB")
        case 1_000_000...: (1e6, "MB")
        case 1_000...: (1e3, "kB")
        default: (1, "B")
        }
    return inWords(Double(bytes) / unit, name)
}

private func inWords(_ value: Double, _ unit: String) -> String {
    let tenths = (value * 10).rounded() / 10
    return tenths == tenths.rounded() ? "\(Int64(tenths)) \(unit)" : "\(tenths) \(unit)"
}
