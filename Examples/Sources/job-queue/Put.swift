import ArgumentParser
import AsyncIO

struct Put: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Puts commands into the queue.",
        discussion: "Without --redis, the commands run in this process, and the program waits for them.")

    @OptionGroup var options: QueueOptions
    @Option(help: "The priority: high, normal, or low.") var priority = "normal"
    @Option(help: "The time until the commands can run, in seconds.") var delay = 0.0
    @Option(help: "A key. Commands with the same key run one after another.") var order: String?
    @Flag(help: "Do not add a command that is already in the queue.") var unique = false
    @Flag(help: "Wait for the commands, and print their output. If one fails, exit with status 1.") var wait = false
    @Argument(help: "The shell commands.") var commands: [String]

    private static let priorities: [String: JobPriority] = ["high": .high, "normal": .normal, "low": .low]

    func validate() throws {
        if Self.priorities[priority] == nil {
            throw ValidationError("--priority must be high, normal, or low, got \(priority)")
        }
        guard 0...31_536_000 ~= delay else { throw ValidationError("--delay must be in 0...31536000, got \(delay)") }
        if commands.isEmpty || commands.contains("") { throw ValidationError("a command must not be empty") }
    }

    func run() throws {
        try AsyncIO.run {
            try await options.withQueue { queue in
                let ids = try await put(into: queue)
                guard options.redis == nil else {
                    if wait { try await printResults(of: ids, from: queue) }
                    return
                }
                try await queue.shutdown(immediate: false)
                try await serve(queue, limit: 4, grace: .seconds(10))
                if wait { try await printResults(of: ids, from: queue) }
            }
        }
    }

    private func put(into queue: some JobQueue<Command>) async throws -> [String] {
        var ids: [String] = []
        for line in commands {
            let options = JobOptions(
                delay: delay > 0 ? .seconds(delay) : nil, priority: Self.priorities[priority] ?? .normal,
                uniqueKey: unique ? line : nil, orderKey: order)
            let ticket = try await queue.put(Command(line: line), options: options)
            print("\(ticket.id) \(ticket.wasAdded ? "put" : "is already in the queue"): \(line)")
            ids.append(ticket.id)
        }
        return ids
    }

    private func printResults(of ids: [String], from queue: some JobQueue<Command>) async throws {
        var hasFailed = false
        for id in ids {
            do {
                print(try await queue.result(of: id, as: CommandResult.self).output, terminator: "")
            } catch let error as JobFailed {
                print(error)
                hasFailed = true
            }
        }
        if hasFailed { throw ExitCode.failure }
    }
}
