/// A field of a ``Schedule``, stored as a set of small numbers.
struct CronField: Sendable {
    private var bits: UInt64 = 0
    /// Whether the field begins with `*`. A day field that begins with `*` does not count as restricted; see
    /// ``Schedule``.
    let isAny: Bool

    init(_ text: Substring, _ name: String, _ range: ClosedRange<Int>, names: [String] = []) throws(ValueError) {
        isAny = text.hasPrefix("*")
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            let step = pieces.count == 2 ? Int(pieces[1]) : 1
            guard let step, step > 0, let span = Self.span(pieces[0], range, names) else {
                throw ValueError("\"\(text)\" is not a \(name) of a schedule; the numbers are \(range)")
            }
            // A single number with a step stands for a range that ends at the field's maximum.
            let end = pieces.count == 2 && span.count == 1 ? range.upperBound : span.upperBound
            for number in stride(from: span.lowerBound, through: end, by: step) { bits |= 1 << number }
        }
    }

    private static func span(_ text: Substring, _ range: ClosedRange<Int>, _ names: [String]) -> ClosedRange<Int>? {
        if text == "*" { return range }
        let ends = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map { end in
            names.firstIndex(of: end.lowercased()).map { $0 + range.lowerBound } ?? Int(end)
        }
        guard let first = ends[0], let last = ends[ends.count - 1], first <= last else { return nil }
        return range.contains(first) && range.contains(last) ? first...last : nil
    }

    func contains(_ number: Int) -> Bool { bits & 1 << number != 0 }

    /// Returns the smallest number in the field that is at least `number`.
    func first(from number: Int) -> Int? {
        let rest = bits >> number
        return rest == 0 ? nil : number + rest.trailingZeroBitCount
    }
}
