import AsyncIO
import AsyncIOTesting
import Testing

/// Handlers that do not use their connection when their server ends.
@Suite(.loopback) struct ServerShutdownTests {
    /// A server whose handlers sleep, and a client.
    private func sleepers(
        _ body: @escaping () async throws -> Void
    ) async throws -> (server: Server, client: (StreamReader, StreamWriter)) {
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, _ in try await body() }
        let client = try await openConnection(host: "127.0.0.1", port: server.port)
        try await eventually { server.connectionCount == 1 && allTasks().count == 2 }
        return (server, client)
    }

    @Test func handlersThatSleepOutliveTheirConnectionsAsInAsyncio() async throws {
        let (server, client) = try await sleepers { try await sleep(.seconds(3600)) }
        server.close()
        server.abortClients()
        try await server.waitClosed()
        #expect(server.connectionCount == 0)
        #expect(allTasks().count == 2)
        // This call ends them.
        #expect(try await server.shutdown(within: .milliseconds(10)) == 0)
        #expect(allTasks().count == 1)
        withExtendedLifetime(client) {}
    }

    @Test func shuttingDownWaitsForTheCleanUpOfHandlers() async throws {
        var hasCleanedUp = false
        let (server, client) = try await sleepers {
            do { try await sleep(.seconds(3600)) } catch {
                try await withCleanup(timeout: nil) { try await sleep(.milliseconds(50)) }
                hasCleanedUp = true
                throw error
            }
        }
        #expect(try await server.shutdown(within: .zero) == 1)
        #expect(hasCleanedUp)
        #expect(allTasks().count == 1)
        withExtendedLifetime(client) {}
    }

    @Test func aHandlerThatIgnoresItsCancellationHoldsNothingUp() async throws {
        let isOver = Event()
        let (server, client) = try await sleepers {
            while !isOver.isSet { do { try await isOver.wait() } catch {} }
        }
        #expect(try await server.shutdown(within: .milliseconds(10)) == 1)
        #expect(allTasks().count == 2)
        isOver.set()
        try await eventually { allTasks().count == 1 }
        withExtendedLifetime(client) {}
    }

    @Test func manyHandlersWhoseConnectionsAreGoneAreAllEnded() async throws {
        var ended = 0
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, writer in
            writer.abort()
            do { try await sleep(.seconds(3600)) } catch {
                ended += 1
                throw error
            }
        }
        for _ in 0..<50 {
            let (reader, _) = try await openConnection(host: "127.0.0.1", port: server.port)
            _ = try? await reader.read()
        }
        try await eventually { server.connectionCount == 0 && allTasks().count == 51 }
        try await server.shutdown(within: .zero)
        #expect(ended == 50)
        #expect(allTasks().count == 1)
    }
}
