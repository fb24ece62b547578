import ArgumentParser
import AsyncIO
import Glibc

/// Sends commands to Redis. Try: `redis-client SET answer 42`
@main
struct RedisClient: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redis-client", abstract: "Sends commands to Redis and prints the replies.",
        discussion: """
            Without a command, the program reads commands from standard input, one per line, and sends each without \
            waiting for earlier replies. The exit status is 1 if a reply is an error.
            """)

    @Option(help: "The host of the Redis server.") var host = "127.0.0.1"
    @Option(help: "The port.") var port = 6379
    @Option(help: ArgumentHelp("A Unix socket, instead of a host and port.", valueName: "path")) var unix: String?
    @Argument(help: "The command and its arguments; put -- before dashes.") var command: [String] = []

    func validate() throws {
        guard 1...65_535 ~= port else { throw ValidationError("--port must be in 1...65535, got \(port)") }
    }

    func run() throws {
        let errors = AsyncIO.main {
            let target: ConnectionTarget = if let unix { .unix(path: unix) } else { .tcp(host: host, port: port) }
            let (reader, writer) = try await openConnection(to: target)
            defer { writer.close() }
            // Replies come in the order of the commands. At most 1000 commands are in flight.
            let unanswered = Queue<[String]>(maxSize: 1000)
            return try await gather(
                { try await sendCommands(writer, unanswered) }, { try await printReplies(reader, unanswered) }
            ).1
        }
        if errors > 0 { throw ExitCode.failure }
    }

    private func sendCommands(_ writer: StreamWriter, _ unanswered: Queue<[String]>) async throws {
        defer { unanswered.shutdown() }
        func send(_ words: [String]) async throws {
            let parts = words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }
            try await writer.write("*\(words.count)\r\n" + parts.joined())
            try await unanswered.put(words)
        }
        if !command.isEmpty { return try await send(command) }
        try await withFile("/dev/stdin") { input in
            for try await line in input.lines where !line.isEmpty {
                try await send(line.split(separator: " ").map(String.init))
            }
        }
    }

    /// - Returns: The number of replies that are errors.
    private func printReplies(_ reader: StreamReader, _ unanswered: Queue<[String]>) async throws -> Int {
        var errors = 0
        for try await _ in unanswered {
            do {
                let (text, isError) = try await readReply(reader)
                print(text)
                fflush(nil)
                errors += isError ? 1 : 0
            } catch is IncompleteReadError {
                throw RuntimeError("Redis closed the connection")
            }
        }
        return errors
    }

    /// Reads a reply and formats it for printing. The first byte of a reply is its type.
    private func readReply(_ reader: StreamReader, depth: Int = 0) async throws -> (text: String, isError: Bool) {
        let line = try await reader.readText(until: "\r\n", invalid: .replace)
        let text = String(line.dropFirst())
        switch (line.first, Int(text)) {
        case ("+", _): return (text, false)
        case ("-", _): return ("(error) \(text)", true)
        case (":", let number?): return ("(integer) \(number)", false)
        case ("$", -1), ("*", -1): return ("(nil)", false)
        case ("*", 0): return ("(empty)", false)
        case ("$", let count?) where count >= 0:
            let bytes = try await reader.readExactly(count + 2).dropLast(2)
            return (String(decoding: bytes, as: UTF8.self).debugDescription, false)
        case ("*", let count?) where count > 0 && depth < 100:
            var lines: [String] = []
            for index in 1...count {
                let item = try await readReply(reader, depth: depth + 1).text.split(separator: "\n")
                lines.append("\(index)) " + item.joined(separator: "\n   "))
            }
            return (lines.joined(separator: "\n"), false)
        default: throw ValueError("expected a Redis reply, got: \(line)")
        }
    }
}
