import Glibc

/// Receives the lines of the programs. If nil, each line goes to standard output immediately.
@MainActor var listener: ((String) -> Void)?

/// Prints a line.
func say(_ line: String) {
    if let listener { return listener(line) }
    print(line)
    fflush(nil)
}

extension Duration {
    /// The seconds with two digits after the decimal point, as Python's `:.2f` prints them.
    var inSeconds: String {
        let hundredths = Int((self / .milliseconds(10)).rounded())
        let (whole, rest) = hundredths.quotientAndRemainder(dividingBy: 100)
        return "\(whole).\(rest < 10 ? "0" : "")\(rest)"
    }
}
