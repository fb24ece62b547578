import ArgumentParser
import AsyncIO

struct Dead: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists commands that have failed too often, or puts them back.",
        subcommands: [List.self, Retry.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists them, the oldest first.")
        @OptionGroup var options: QueueOptions
        @Option(help: "How many at most.") var limit = 100

        func validate() throws {
            try options.requireRedis()
            guard limit > 0 else { throw ValidationError("--limit must be positive, got \(limit)") }
        }

        func run() throws {
            try AsyncIO.run {
                try await options.withQueue { queue in
                    for dead in try await queue.deadJobs(limit: limit) {
                        print("\(dead.id) \(dead.job?.line ?? "?"): \(dead.attempts) attempts, \(dead.error)")
                    }
                }
            }
        }
    }

    struct Retry: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Puts them back into the queue.")
        @OptionGroup var options: QueueOptions
        @Flag(help: "All of them.") var all = false
        @Argument(help: "Their identifiers.") var ids: [String] = []

        func validate() throws {
            try options.requireRedis()
            if all == !ids.isEmpty { throw ValidationError("name the commands to retry, or use --all") }
        }

        func run() throws {
            try AsyncIO.run {
                try await options.withQueue { queue in
                    if all { return print("\(try await queue.retryAllDead()) put back") }
                    for id in ids { print("\(id) \(try await queue.retryDead(id) ? "put back" : "is not dead")") }
                }
            }
        }
    }
}
