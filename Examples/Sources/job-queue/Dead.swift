import ArgumentParser
import AsyncIO

struct Dead: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lists commands that have failed too often, or puts them back.",
        subcommands: [List.self, Retry.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the commands, oldest first.")
        @OptionGroup var options: QueueOptions
        @Option(help: "The maximum number of commands to list.") var limit = 100

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
        static let configuration = CommandConfiguration(abstract: "Puts commands back into the queue.")
        @OptionGroup var options: QueueOptions
        @Flag(help: "Retry all commands.") var all = false
        @Argument(help: "The identifiers of the commands to retry.") var ids: [String] = []

        func validate() throws {
            try options.requireRedis()
            if all == !ids.isEmpty {
                throw ValidationError("use either identifiers, which 'job-queue dead list' prints, or --all")
            }
        }

        func run() throws {
            try AsyncIO.run {
                try await options.withQueue { queue in
                    if all { return print("\(try await queue.retryAllDead()) put back") }
                    var isMissing = false
                    for id in ids {
                        let isBack = try await queue.retryDead(id)
                        print("\(id) \(isBack ? "put back" : "is not a dead command")")
                        isMissing = isMissing || !isBack
                    }
                    if isMissing { throw ExitCode.failure }
                }
            }
        }
    }
}
