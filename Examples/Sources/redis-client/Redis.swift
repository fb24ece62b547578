import AsyncIO

/// A connection to Redis, which many tasks may use at once: commands go out as they come, before
/// earlier ones are answered, and the replies come back in the same order (pipelining).
final class Redis {
    private let reader: StreamReader
    private let writer: StreamWriter
    /// Who waits for a reply, in the order of the commands.
    private let waiting = Queue<Future<Reply>>()
    private var receiver: AsyncTask<Void>?

    indirect enum Reply {
        case status(String)
        case error(String)
        case integer(Int)
        case text([UInt8])
        case null
        case array([Reply])
    }

    init(_ connection: (StreamReader, StreamWriter)) {
        (reader, writer) = connection
        receiver = createTask(name: "redis replies") { [self] in await receive() }
    }

    /// Sends a command.
    ///
    /// - Returns: its reply, when that is there.
    func send(_ words: [String]) async throws -> Future<Reply> {
        let reply = Future<Reply>()
        try waiting.putNoWait(reply)
        let parts = words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }
        try await writer.write("*\(words.count)\r\n" + parts.joined())
        return reply
    }

    /// Sends a command and waits for its reply.
    func callAsFunction(_ words: String...) async throws -> Reply { try await send(words).value }

    func close() {
        writer.close()
        receiver?.cancel()
    }

    private func receive() async {
        var failure: (any Error)?
        while let future = try? await waiting.get() {
            do {
                if let failure { throw failure }
                let reply = try await parse()
                // Who asked may have left.
                if !future.isDone { try future.setResult(reply) }
            } catch {
                // Without this reply, nobody knows where the next one begins.
                failure = error is IncompleteReadError ? RuntimeError("Redis has closed the connection") : error
                waiting.shutdown()
                if !future.isDone, let failure { try? future.setError(failure) }
            }
        }
    }

    private func parse(depth: Int = 0) async throws -> Reply {
        let line = try await reader.readUntil(Array("\r\n".utf8)).dropLast(2)
        let text = String(decoding: line.dropFirst(), as: UTF8.self)
        switch (line.first.map(UnicodeScalar.init), Int(text)) {
        case ("+", _): return .status(text)
        case ("-", _): return .error(text)
        case (":", let number?): return .integer(number)
        case ("$", -1), ("*", -1): return .null
        case ("$", let count?) where count >= 0: return .text(try await reader.readExactly(count + 2).dropLast(2))
        case ("*", let count?) where count >= 0 && depth < 100:
            var replies: [Reply] = []
            for _ in 0..<count { replies.append(try await parse(depth: depth + 1)) }
            return .array(replies)
        default: throw ValueError("this is no reply of Redis: \(String(decoding: line, as: UTF8.self))")
        }
    }
}
