import AsyncIO
import Foundation

/// How far a download is.
final class Bar {
    let name: String
    private(set) var done = 0
    private var total: Int?
    private let redraw: () -> Void

    init(_ name: String, _ redraw: @escaping () -> Void) { (self.name, self.redraw) = (name, redraw) }

    func begin(_ total: Int?) { (self.total, done) = (total, 0) }

    func advance(by count: Int) {
        done += count
        redraw()
    }

    var line: String {
        let size = done.formatted(.byteCount(style: .file))
        guard let total, total > 0 else { return "\(size)  \(name.prefix(30))" }
        let filled = 30 * done / total
        let bar = String(repeating: "=", count: filled) + String(repeating: " ", count: 30 - filled)
        return "[\(bar)] \(100 * done / total) % of \(total.formatted(.byteCount(style: .file)))  \(name.prefix(30))"
    }
}

/// The bars of all downloads that run, at the bottom of the terminal, if there is one.
final class Bars {
    private var bars: [Bar] = []
    private var drawn = 0
    private var latest = ContinuousClock.now - .seconds(1)
    private let isTerminal = isatty(STDOUT_FILENO) == 1

    func add(_ name: String) -> Bar {
        let bar = Bar(name) { [weak self] in self?.draw() }
        bars.append(bar)
        return bar
    }

    /// Leaves a line in place of the bar.
    func finish(_ bar: Bar, _ line: String) {
        bars.removeAll { $0 === bar }
        draw(after: line)
    }

    /// Ten times in a second at the most.
    private func draw(after line: String? = nil) {
        guard line != nil || (isTerminal && .now - latest > .milliseconds(100)) else { return }
        latest = .now
        var text = drawn > 0 ? "\u{1B}[\(drawn)A\u{1B}[J" : ""
        if let line { text += line + "\n" }
        drawn = isTerminal ? bars.count : 0
        for bar in bars where isTerminal { text += bar.line + "\n" }
        print(text, terminator: "")
        fflush(nil)
    }
}
