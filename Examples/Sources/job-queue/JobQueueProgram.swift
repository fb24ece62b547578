import ArgumentParser
import AsyncIO
import AsyncIORedis

/// Runs shell commands from a queue, on one machine or many. Try:
///
///     job-queue put "sleep 1; echo one" "echo two"                      # in this process
///     job-queue put --redis redis://localhost "sleep 1; echo one" …     # on the machines that run:
///     job-queue work --redis redis://localhost
///     job-queue status --redis redis://localhost
@main
struct JobQueueProgram: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "job-queue", abstract: "Runs shell commands from a queue.",
        discussion: """
            With --redis, the queue is in Redis, and any number of machines can put commands into it and run them. \
            Without it, the queue is in the memory of the process, which runs the commands itself. Workers run \
            whatever is in the queue, so use a server that only you can write to.
            """,
        subcommands: [Put.self, Work.self, Status.self, Dead.self])
}

/// The work to be done.
nonisolated struct Command: Codable, Sendable {
    var line: String
}

/// The result of a command.
nonisolated struct CommandResult: Codable, Sendable {
    var output: String
}

/// The options that select a queue.
struct QueueOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The Redis server; by default, the queue is in memory.", valueName: "url"))
    var redis: String?

    @Option(help: "The name of the queue.")
    var queue = "commands"

    func validate() throws {
        guard redis == nil || (try? RedisConfiguration(url: redis ?? "")) != nil else {
            throw ValidationError("--redis must be a URL such as redis://localhost:6379, got \(redis ?? "")")
        }
    }

    var policy: JobPolicy {
        JobPolicy(
            visibility: .seconds(30), maxDeliveries: 3, backoff: Backoff(initial: .seconds(1), maximum: .seconds(60)))
    }

    /// Runs `body` with the queue. No other code depends on where the queue is.
    @MainActor
    func withQueue(_ body: (any JobQueue<Command>) async throws -> Void) async throws {
        guard let redis else { return try await body(LocalJobQueue<Command>(queue, policy: policy)) }
        try await withRedis(redis) { client in
            // A queue waits for its server for a minute, which is too long if the URL is wrong.
            do { try await client.ping() } catch let error as RedisConnectionError {
                throw ValueError("the Redis server cannot be reached: \(error.underlyingError ?? error)")
            }
            try await body(try RedisQueue<Command>(queue, on: client, policy: policy))
        }
    }

    /// - Throws: An error if the queue is in memory.
    func requireRedis() throws {
        guard redis == nil else { return }
        throw ValidationError(
            "this needs --redis, because a queue in memory ends with its process, and no other process can see it; use "
                + "the URL that 'put' and 'work' use, such as --redis redis://localhost")
    }
}
