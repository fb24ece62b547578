import ArgumentParser
import AsyncIO
import Glibc

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the number of commands in each state, until Ctrl-C.")

    @OptionGroup var options: QueueOptions
    @Option(help: "The number of seconds between updates.") var interval = 1.0
    @Flag(help: "Show the table once.") var once = false

    func validate() throws {
        try options.requireRedis()
        guard 0.1...3600 ~= interval else { throw ValidationError("--interval must be in 0.1...3600, got \(interval)") }
    }

    func run() throws {
        try AsyncIO.run {
            try await options.withQueue { queue in
                var last: JobCounts?
                while true {
                    let counts = try await queue.counts()
                    // On a terminal, overwrite the last table.
                    if last != nil, isatty(STDOUT_FILENO) == 1 { print("\u{1B}[8A", terminator: "") }
                    print(table(of: counts, since: last))
                    fflush(nil)
                    if once { return }
                    last = counts
                    try await sleep(.seconds(interval))
                }
            }
        }
    }

    private func table(of counts: JobCounts, since last: JobCounts?) -> String {
        let rate = last.map { Double(counts.done - $0.done) / interval }
        let rows = [
            ("queue", options.queue + (counts.isPaused ? " (paused)" : "")), ("waiting", "\(counts.waiting)"),
            ("delayed", "\(counts.delayed)"), ("running", "\(counts.running)"), ("dead", "\(counts.dead)"),
            ("done", "\(counts.done)" + (rate.map { ", \(Int($0)) per second" } ?? "")),
            ("failed attempts", "\(counts.failures)"), ("lost deliveries", "\(counts.lost)"),
        ]
        return rows.map { name, value in
            // Erase the rest of the line from the last table.
            name + String(repeating: " ", count: 18 - name.count) + value
                + (isatty(STDOUT_FILENO) == 1 ? "\u{1B}[K" : "")
        }.joined(separator: "\n")
    }
}
