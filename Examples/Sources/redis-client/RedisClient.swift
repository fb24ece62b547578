import ArgumentParser
import AsyncIO
import AsyncIORedis
import Glibc

/// Sends commands to Redis. Try: `redis-client SET answer 42`
@main
struct RedisProgram: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redis-client", abstract: "Sends commands to Redis and prints the replies.",
        discussion: """
            Without a command, the program reads commands from standard input, one per line, and sends each without \
            waiting for earlier replies. The exit status is 1 if a reply is an error.
            """)

    @Option(help: "The host of the Redis server.") var host = "127.0.0.1"
    @Option(help: "The port.") var port = 6379
    @Option(help: ArgumentHelp("A Unix socket, instead of a host and port.", valueName: "path")) var unix: String?
    @Option(help: ArgumentHelp("A URL, instead of a host and port, for TLS, Sentinel, or a cluster.")) var url: String?
    @Argument(help: "The command and its arguments; put -- before dashes.") var command: [String] = []

    func validate() throws {
        guard 1...65_535 ~= port else { throw ValidationError("--port must be in 1...65535, got \(port)") }
    }

    func run() throws {
        let errors = AsyncIO.main {
            var configuration = RedisConfiguration(host: host, port: port)
            if let url { configuration = try RedisConfiguration(url: url) }
            if let unix { configuration.topology = .unix(path: unix) }
            configuration.connectAttempts = 1
            return try await withRedis(configuration) { redis in
                // Once there is a connection, commands are sent in the order in which their tasks begin.
                try await redis.ping()
                // Replies come in the order of the commands. At most 1000 commands are in flight.
                let replies = Queue<AsyncTask<RedisValue>>(maxSize: 1000)
                return try await gather({ try await send(redis, replies) }, { try await printReplies(replies) }).1
            }
        }
        if errors > 0 { throw ExitCode.failure }
    }

    private func send(_ redis: RedisClient, _ replies: Queue<AsyncTask<RedisValue>>) async throws {
        defer { replies.shutdown() }
        func send(_ words: [String]) async throws {
            let command = RedisCommand(words[0], arguments: Array(words.dropFirst()))
            try await replies.put(createTask { try await redis.send(command) })
        }
        if !command.isEmpty { return try await send(command) }
        try await withFile("/dev/stdin") { input in
            for try await line in input.lines where !line.isEmpty {
                let words = line.split(separator: " ").map(String.init)
                if !words.isEmpty { try await send(words) }
            }
        }
    }

    /// - Returns: The number of replies that are errors.
    private func printReplies(_ replies: Queue<AsyncTask<RedisValue>>) async throws -> Int {
        var errors = 0
        for try await reply in replies {
            do {
                print(text(of: try await reply.value))
            } catch let error as RedisError {
                print("(error) \(error)")
                errors += 1
            }
            fflush(nil)
        }
        return errors
    }

    private func text(of value: RedisValue) -> String {
        switch value {
        case .null: return "(nil)"
        case .boolean(let flag): return "(boolean) \(flag)"
        case .integer(let number): return "(integer) \(number)"
        case .double(let number): return "(double) \(number)"
        case .bigNumber(let text): return "(integer) \(text)"
        case .simpleString(let text): return text
        case .bulkString(let bytes): return String(decoding: bytes, as: UTF8.self).debugDescription
        case .verbatim(let verbatim): return String(decoding: verbatim.bytes, as: UTF8.self)
        case .error(let error): return "(error) \(error)"
        case .array(let values), .set(let values), .push(let values): return list(values.map(text(of:)))
        case .map(let pairs): return list(pairs.map { "\(text(of: $0.key)) => \(text(of: $0.value))" })
        }
    }

    private func list(_ items: [String]) -> String {
        if items.isEmpty { return "(empty)" }
        return items.enumerated().map { index, item in
            "\(index + 1)) " + item.split(separator: "\n").joined(separator: "\n   ")
        }.joined(separator: "\n")
    }
}
