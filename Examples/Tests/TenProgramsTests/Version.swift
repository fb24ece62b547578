import AsyncIO
import Testing

/// The two versions of a program, which have to pass the same tests.
enum Version: CaseIterable {
    case byHand, short
}

/// A client of the programs that speak in lines.
struct Client {
    let reader: StreamReader
    let writer: StreamWriter

    init(_ server: Server, tls: TLSContext? = nil) async throws {
        (reader, writer) = try await openConnection(
            host: "127.0.0.1", port: server.port, tls: tls,
            options: .init(serverHostname: tls.map { _ in "localhost" }))
    }

    func say(_ line: String) async throws { try await writer.write(line + "\n") }

    func next() async throws -> String? { try await reader.readTextLine() }

    /// Reads until the connection ends or breaks. Returns the number of bytes.
    func readToTheEnd() async -> Int {
        var count = 0
        while let bytes = try? await reader.read(65_536), !bytes.isEmpty { count += bytes.count }
        return count
    }
}

/// Returns the time that `body` takes, on the loop's clock.
func time(_ body: () async throws -> Void) async throws -> Duration {
    let loop = try EventLoop.running
    let start = loop.now
    try await body()
    return loop.now - start
}

struct Failed: Error {}
