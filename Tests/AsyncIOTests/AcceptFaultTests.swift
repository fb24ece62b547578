import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

/// Connections that fail before they are accepted, and a system that is out of memory.
@Suite(.eventLoop) struct AcceptFaultTests {
    private func run(error: Int32, times: Int, watchesThatFail: Int = 0) async throws -> [String] {
        let outcome = try await Program.run("faulty-program", ["accept", "\(error)", "\(times)", "\(watchesThatFail)"])
        #expect(outcome.status == 0)
        return outcome.lines
    }

    /// The errors of accept(2) that belong to one connection.
    nonisolated private static let ofOneConnection = [
        ECONNABORTED, EPERM, EPROTO, ENOPROTOOPT, EOPNOTSUPP, ENETDOWN, ENETUNREACH, ENONET, EHOSTDOWN, EHOSTUNREACH,
        ETIMEDOUT,
    ]

    @Test(arguments: ofOneConnection) func aBrokenConnectionIsPassedOverWithoutAPause(error: Int32) async throws {
        #expect(
            try await run(error: error, times: 3) == [
                "lost: true", "lost: true", "lost: true", "answer: hello", "0 reports",
            ])
    }

    @Test(arguments: [0, 1, 2]) func aServerThatRanOutOfDescriptorsServesAgain(watchesThatFail: Int) async throws {
        let lines = try await run(error: EMFILE, times: 1, watchesThatFail: watchesThatFail)
        #expect(lines.prefix(3) == ["lost: true", "answer: hello", "1 reports"])
        #expect(lines.last?.contains("out of system resources") == true)
    }

    @Test func acceptingByHandPassesOverWhatIsBrokenToo() async throws {
        let loop = try EventLoop.running
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        defer { close(listener) }
        #expect(listen(listener, 5) == 0)
        // The socket is no longer listening: its own error is thrown, and accepting is not retried.
        let other = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        defer { close(other) }
        await #expect(throws: OSError.self) { _ = try await loop.sockAccept(other) }
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.milliseconds(20)) { _ = try await loop.sockAccept(listener) }
        }
    }
}
