import AsyncIO
import AsyncIOTesting
import SystemPackage
import Testing

@Suite(.virtualTime) struct ReconnectionTests {
    private static let refused = OSError(.connectionRefused, "connecting")

    @Test func delaysGrowWhileOpeningFailsAndBeginAnewAfterThat() async throws {
        let loop = try EventLoop.running
        let start = loop.now
        var log: [String] = []
        var opened = 0
        let value = try await withReconnection(backoff: Backoff(initial: .seconds(1))) {
            opened += 1
            log.append("\(opened) at \((loop.now - start) / .seconds(1))")
            if [1, 2, 5].contains(opened) { throw Self.refused }
            return opened
        } body: { connection in
            if connection < 6 { throw OSError(.connectionReset, "reading") }
            return "connection \(connection)"
        }
        #expect(value == "connection 6")
        #expect(log == ["1 at 0.0", "2 at 1.0", "3 at 3.0", "4 at 4.0", "5 at 5.0", "6 at 6.0"])
    }

    @Test func tooManyAttemptsEndIt() async throws {
        var opened = 0
        await #expect(throws: OSError.self) {
            try await withReconnection(attempts: 3) {
                opened += 1
                throw Self.refused
            } body: { (_: Int) in
            }
        }
        #expect(opened == 3)
        await #expect(throws: ValueError.self) {
            try await withReconnection(attempts: 0) {
            } body: { _ in
            }
        }
    }

    @Test func otherErrorsAreThrown() async throws {
        await #expect(throws: Boom.self) {
            try await withReconnection {
                1
            } body: { _ in
                throw Boom()
            }
        }
    }

    @Test func aCancellationEndsEveryWait() async throws {
        let tasks = [
            createTask {
                try await withReconnection {
                    try await sleep(.seconds(60))
                } body: { _ in
                }
            },
            createTask {
                try await withReconnection {
                    throw Self.refused
                } body: { (_: Int) in
                }
            },
            createTask {
                try await withReconnection {
                    1
                } body: { _ in
                    try await sleep(.seconds(60))
                }
            },
        ]
        try await sleep(.milliseconds(1_500))
        for task in tasks {
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }
}
