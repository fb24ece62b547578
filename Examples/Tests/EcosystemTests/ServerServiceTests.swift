import AsyncIO
import AsyncIOTesting
import Logging
import ServiceLifecycle
import Testing

/// Tests the trait `ServiceLifecycle`.
@Suite(.eventLoop) struct ServerServiceTests {
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func group(_ services: any Service...) -> ServiceGroup {
        ServiceGroup(services: services, logger: quiet)
    }

    @Test func itListensWhenItsGroupRunsAndServesUntilTheGracefulShutdown() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0, options: .init(startServing: false)) {
            reader, writer in
            for try await line in reader.lines { try await writer.write(line + "\n") }
        }
        #expect(!server.isServing)
        let service = ServerService(server)
        #expect(service.description == "Server on \(server.addresses[0])")
        let group = group(service)
        let port = server.port
        let run = createTask { try await group.run() }
        try await until { server.isServing }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
        try await writer.write("hello\n")
        #expect(try await reader.readLine().count == 6)

        await group.triggerGracefulShutdown()
        try await until { server.isClosed }
        #expect(!run.isDone)
        // New connections are refused, but the open one continues.
        await #expect(throws: OSError.self) { try await openConnection(host: "127.0.0.1", port: port) }
        try await writer.write("still\n")
        #expect(try await reader.readLine().count == 6)
        writer.close()
        try await run.value
        #expect(server.connectionCount == 0)
    }

    @Test func connectionsThatOutlastTheGraceAreCutOff() async throws {
        var cancelled = false
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, _ in
            do { try await sleep(.seconds(3600)) } catch {
                cancelled = true
                throw error
            }
        }
        let group = group(ServerService(server, within: .milliseconds(20)))
        let run = createTask { try await group.run() }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        defer { writer.close() }
        try await until { server.connectionCount == 1 }
        await group.triggerGracefulShutdown()
        try await run.value
        #expect(cancelled)
        #expect(try await end(of: reader))
    }

    @Test func cancellingTheGroupCutsThemOffAtOnce() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, _ in try await sleep(.seconds(3600)) }
        let group = group(ServerService(server, within: .seconds(3600)))
        let run = Task { try await group.run() }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        defer { writer.close() }
        try await until { server.connectionCount == 1 }
        run.cancel()
        await #expect(throws: CancellationError.self) { try await run.value }
        #expect(server.isClosed)
        #expect(try await end(of: reader))
        try await until { server.connectionCount == 0 }
    }

    @Test func aServerThatIsClosedByOthersEndsItsService() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, _ in }
        let service = ServerService(server)
        let run = createTask { try await service.run() }
        try await until { server.isServing }
        try await sleep(.zero)
        server.close()
        try await run.value
    }

    @Test func aServerThatCannotServeIsAnErrorOfItsGroup() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, _ in }
        server.close()
        let group = group(ServerService(server))
        await #expect(throws: RuntimeError.self) { try await group.run() }
    }

    @Test func serveForeverInATaskOfAStandardGroupEndsWhenTheServerIsClosed() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, _ in }
        let run = Task { try await server.serveForever() }
        try await sleep(.milliseconds(1))
        server.close()
        await #expect(throws: CancellationError.self) { try await run.value }
        #expect(!run.isCancelled)
    }

    /// A service whose tasks are restarted when they fail, as in the guide *Metrics, tracing, and services*.
    private struct Supervised: Service {
        let restarts: Int
        let body: @MainActor @Sendable () async throws -> Void

        @MainActor func run() async throws {
            let supervisor = Supervisor(restarts: restarts, per: .seconds(3600))
            supervisor.add("task") { try await self.body() }
            try await race({ try await supervisor.run() }, { try await gracefulShutdown() })
        }
    }

    @Test func aSupervisorInAServiceRestartsItsTasksUntilTheGracefulShutdown() async throws {
        var (starts, ended) = (0, false)
        let group = group(
            Supervised(restarts: 2) {
                starts += 1
                if starts < 3 { throw ValueError("once more") }
                defer { ended = true }
                try await sleep(.seconds(3600))
            })
        let run = createTask { try await group.run() }
        try await until { starts == 3 }
        #expect(!run.isDone)
        await group.triggerGracefulShutdown()
        try await run.value
        #expect(ended && starts == 3)
    }

    @Test func aSupervisorThatGivesUpEndsTheGroup() async throws {
        let group = group(Supervised(restarts: 1) { throw ValueError("always") })
        await #expect(throws: SupervisionError.self) { try await group.run() }
    }

    /// Whether the stream has ended, with or without an error.
    private func end(of reader: StreamReader) async throws -> Bool {
        do { return try await reader.read(1).isEmpty } catch is OSError { return true }
    }
}
