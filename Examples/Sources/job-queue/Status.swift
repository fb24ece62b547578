import ArgumentParser
import AsyncIO
import Glibc

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the number of commands in each state, and the workers, until Ctrl-C.")

    @OptionGroup var options: QueueOptions
    @Option(help: "The number of seconds between updates.") var interval = 1.0
    @Flag(help: "Show the table once.") var once = false

    func validate() throws {
        try options.requireRedis()
        guard 0.1...3600 ~= interval else { throw ValidationError("--interval must be in 0.1...3600, got \(interval)") }
    }

    func run() throws {
        do { try AsyncIO.run { try await options.withQueue(show) } } catch is KeyboardInterrupt {}
    }

    private func show(_ queue: any JobQueue<Command>) async throws {
        let isTerminal = isatty(STDOUT_FILENO) == 1
        var last: JobCounts?
        var height = 0
        while true {
            let counts = try await queue.counts()
            let lines = table(of: counts, since: last) + table(of: try await queue.workers())
            // On a terminal, overwrite the last table.
            if isTerminal, height > 0 { print("\u{1B}[\(height)A\u{1B}[J", terminator: "") }
            for line in lines { print(line) }
            fflush(nil)
            if once { return }
            (last, height) = (counts, lines.count)
            try await sleep(.seconds(interval))
        }
    }

    private func table(of counts: JobCounts, since last: JobCounts?) -> [String] {
        let rate = last.map { Double(counts.done - $0.done) / interval }
        let rows = [
            ("queue", options.queue + (counts.isPaused ? " (paused)" : "")), ("waiting", "\(counts.waiting)"),
            ("delayed", "\(counts.delayed)"), ("running", "\(counts.running)"), ("dead", "\(counts.dead)"),
            ("done", "\(counts.done)" + (rate.map { ", \(Int($0)) per second" } ?? "")),
            ("failed attempts", "\(counts.failures)"), ("lost deliveries", "\(counts.lost)"),
        ]
        return rows.map { name, value in name + String(repeating: " ", count: 18 - name.count) + value }
    }

    private func table(of workers: [JobWorker]) -> [String] {
        ["workers           \(workers.count)"]
            + workers.map { worker in
                let seconds = worker.timeSinceHeartbeat.components.seconds
                return "  \(worker.name): \(worker.running) running, last heartbeat \(seconds) s ago"
            }
    }
}
