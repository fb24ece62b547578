import AsyncIO

/// Draws a progress bar ten times a second until the task is cancelled, and then erases the bar. If standard output is
/// not a terminal, the function draws nothing.
func showProgress(of tally: Tally) async throws {
    guard let width = Terminal.width else { return }
    defer { Terminal.replaceLine(with: "") }
    while true {
        Terminal.replaceLine(with: bar(tally, width: width))
        try await sleep(.milliseconds(100))
    }
}

/// Returns a progress bar, such as `[#####     ] 50,000 of 100,000`.
private func bar(_ tally: Tally, width: Int) -> String {
    let text = " \(grouped(tally.messages)) of \(grouped(tally.expected))"
    let cells = min(60, width - text.count - 3)
    guard cells > 0 else { return "" }
    let full = tally.messages * cells / max(1, tally.expected)
    return "[" + String(repeating: "#", count: full) + String(repeating: " ", count: cells - full) + "]" + text
}
