import ArgumentParser
import AsyncIO
import Glibc

/// Sends commands to Redis. Try: `redis-client SET answer 42`
@main
struct RedisClient: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redis-client", abstract: "Sends commands to Redis, and prints the replies.",
        discussion: """
            Without a command, commands are read from the standard input, a line for each, and sent without waiting \
            for the replies to those before them. The status is 1 if a reply is an error.
            """)

    @Option(help: "Where Redis is.") var host = "127.0.0.1"
    @Option(help: "The port.") var port = 6379
    @Option(help: ArgumentHelp("Its Unix socket, in place of host and port.", valueName: "path")) var unix: String?

    @Argument(help: "The command and its arguments; -- before those that begin with a dash.")
    var command: [String] = []

    func validate() throws {
        guard 1...65_535 ~= port else { throw ValidationError("--port must be from 1 to 65535.") }
    }

    func run() throws {
        let isFine = try AsyncIO.run {
            let connection =
                if let unix {
                    try await openUnixConnection(path: unix)
                } else {
                    try await openConnection(host: host, port: port)
                }
            let redis = Redis(connection)
            defer { redis.close() }
            if !command.isEmpty { return show(try await redis.send(command).value) }
            // So many replies are waited for before the next command is read.
            let replies = Queue<Future<Redis.Reply>>(maxSize: 1000)
            return try await gather({ try await sendInput(to: redis, replies) }, { try await showAll(replies) }).1
        }
        if !isFine { throw ExitCode.failure }
    }

    @MainActor private func sendInput(to redis: Redis, _ replies: Queue<Future<Redis.Reply>>) async throws {
        defer { replies.shutdown() }
        try await withFile("/dev/stdin") { input in
            for try await line in input.lines where !line.isEmpty {
                try await replies.put(try await redis.send(line.split(separator: " ").map(String.init)))
            }
        }
    }

    @MainActor private func showAll(_ replies: Queue<Future<Redis.Reply>>) async throws -> Bool {
        var isFine = true
        for try await reply in replies where try await !show(reply.value) { isFine = false }
        return isFine
    }

    /// - Returns: whether it is no error.
    private func show(_ reply: Redis.Reply) -> Bool {
        print(reply)
        fflush(nil)
        if case .error = reply { return false }
        return true
    }
}

extension Redis.Reply: CustomStringConvertible {
    nonisolated var description: String {
        switch self {
        case .status(let text): text
        case .error(let text): "(error) \(text)"
        case .integer(let number): "(integer) \(number)"
        case .text(let bytes): String(decoding: bytes, as: UTF8.self).debugDescription
        case .null: "(nil)"
        case .array(let replies) where replies.isEmpty: "(empty)"
        case .array(let replies):
            replies.enumerated().map { index, reply in
                "\(index + 1)) " + "\(reply)".split(separator: "\n").joined(separator: "\n   ")
            }.joined(separator: "\n")
        }
    }
}
