import AsyncIO

public nonisolated(nonsending) func drain(_ queue: Queue<Int>) async throws -> [Int] {
    var numbers: [Int] = []
    while !queue.isEmpty { numbers.append(try await queue.get()) }
    return numbers
}

@MainActor public func startEcho(port: Int) async throws -> Server {
    try await startServer(host: "127.0.0.1", port: port) { reader, writer in
        for try await line in reader.lines { try await writer.write(line + "\n") }
    }
}
