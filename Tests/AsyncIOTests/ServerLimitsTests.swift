import AsyncIO
import AsyncIOTesting
import SystemPackage
import Testing

@Suite(.loopback) struct ServerLimitsTests {
    private func server(
        _ options: Server.Options, _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void
    ) async throws -> Server {
        try await startServer(host: "127.0.0.1", port: 0, options: options, handler)
    }

    /// Sends each line back.
    private static let echo: (StreamReader, StreamWriter) async throws -> Void = { reader, writer in
        for try await line in reader.lines { try await writer.write(line + "\n") }
    }

    @Test func connectionsAboveTheMaximumWaitUntilOneEnds() async throws {
        try await withServer(server(.init(maxConnections: 2), Self.echo), grace: .zero) { server in
            var streams: [(StreamReader, StreamWriter)] = []
            for _ in 0..<4 {
                let stream = try await openConnection(host: "127.0.0.1", port: server.port)
                try await stream.1.write("hello\n")
                streams.append(stream)
            }
            defer { for stream in streams { stream.1.close() } }
            for stream in streams.prefix(2) { #expect(text(try await stream.0.readLine()) == "hello\n") }
            try await sleep(.milliseconds(20))
            #expect(server.connectionCount == 2)
            streams[0].1.close()
            #expect(text(try await streams[2].0.readLine()) == "hello\n")
            #expect(server.connectionCount == 2)
            streams[1].1.close()
            #expect(text(try await streams[3].0.readLine()) == "hello\n")
        }
    }

    @Test func aHostWithTooManyConnectionsIsRefused() async throws {
        try await withServer(server(.init(maxConnectionsPerPeer: 1), Self.echo), grace: .zero) { server in
            func open() async throws -> (StreamReader, StreamWriter) {
                try await openConnection(host: "127.0.0.1", port: server.port)
            }
            let first = try await open()
            try await first.1.write("a\n")
            #expect(text(try await first.0.readLine()) == "a\n")
            let second = try await open()
            #expect((try? await second.0.read()) ?? [] == [])
            second.1.close()
            first.1.close()
            try await eventually { server.connectionCount == 0 }
            let third = try await open()
            try await third.1.write("c\n")
            #expect(text(try await third.0.readLine()) == "c\n")
            third.1.close()
        }
    }

    @Test func anIdleConnectionIsAborted() async throws {
        let reports = try ReportRecorder()
        var error: (any Error)?
        let handler: (StreamReader, StreamWriter) async throws -> Void = { reader, writer in
            error = await thrown { try await Self.echo(reader, writer) }
            if let error { throw error }
        }
        try await withServer(server(.init(idleTimeout: .milliseconds(100)), handler), grace: .zero) { server in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
            defer { writer.close() }
            let start = ContinuousClock.now
            // As long as something arrives now and then, the connection stays.
            for _ in 0..<10 {
                try await sleep(.milliseconds(20))
                try await writer.write("hello\n")
                #expect(text(try await reader.readLine()) == "hello\n")
            }
            #expect(((try? await reader.read()) ?? []).isEmpty)
            #expect(ContinuousClock.now - start >= .milliseconds(300))
            try await eventually { server.connectionCount == 0 }
        }
        #expect((error as? OSError)?.code == .timedOut)
        #expect(reports.messages == [])
    }

    @Test func aConnectionThatLastsTooLongIsAbortedAndItsHandlerCancelled() async throws {
        var ends: [String] = []
        let handler: (StreamReader, StreamWriter) async throws -> Void = { reader, writer in
            let kind = text(try await reader.readLine())
            do {
                if kind == "sleep\n" { try await sleep(.seconds(60)) } else { try await Self.echo(reader, writer) }
            } catch {
                ends.append(error is CancellationError ? "cancelled" : "failed")
                throw error
            }
        }
        try await withServer(server(.init(totalTimeout: .milliseconds(50)), handler), grace: .zero) { server in
            for kind in ["sleep\n", "echo\n"] {
                let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
                try await writer.write(kind)
                #expect(((try? await reader.read()) ?? []).isEmpty)
                writer.close()
            }
            try await eventually { ends.count == 2 }
        }
        #expect(ends.first == "cancelled")
    }

    @Test func aConnectionThatEndsInTimeIsNotBothered() async throws {
        let options = Server.Options(idleTimeout: .milliseconds(30), totalTimeout: .milliseconds(30))
        var finished = false
        let handler: (StreamReader, StreamWriter) async throws -> Void = { _, writer in
            writer.close()
            try await sleep(.milliseconds(80))
            finished = true
        }
        try await withServer(server(options, handler)) { server in
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
            #expect(try await reader.read().isEmpty)
            writer.close()
            try await eventually { finished }
        }
    }

    @Test func limitsThatAreNotPositiveAreErrors() async throws {
        let options: [Server.Options] = [
            .init(maxConnections: 0), .init(maxConnectionsPerPeer: -1), .init(idleTimeout: .zero),
            .init(totalTimeout: .zero),
        ]
        for options in options {
            await #expect(throws: ValueError.self) { _ = try await server(options) { _, _ in } }
        }
    }

    @Test func aShutdownReportsItsProgress() async throws {
        let server = try await server(.init(), Self.echo)
        var streams: [(StreamReader, StreamWriter)] = []
        for _ in 0..<3 { streams.append(try await openConnection(host: "127.0.0.1", port: server.port)) }
        try await eventually { server.connectionCount == 3 }
        var progress: [Int] = []
        let task = createTask { try await server.shutdown(within: .seconds(60)) { progress.append($0) } }
        for stream in streams {
            try await sleep(.milliseconds(5))
            stream.1.close()
        }
        #expect(try await task.value == 0)
        #expect(progress == [3, 2, 1, 0])
    }
}

@Suite struct SimulatedServerLimitsTests {
    /// Four clients on each of three hosts connect at random times until they are served.
    @Test(.simulation(seeds: 50)) func noScheduleExceedsTheLimitsOrForgetsAConnection() async throws {
        let net = try Network.current
        net.links.latency = .milliseconds(1)...(.milliseconds(20))
        let loop = try EventLoop.running
        var (server, open, served): (Server?, [String: Int], Int) = (nil, [:], 0)
        let options = Server.Options(
            maxConnections: 4, maxConnectionsPerPeer: 2, idleTimeout: .seconds(1), totalTimeout: .seconds(3))
        try net.host("server") {
            let started = try await startServer(port: 7, options: options) { reader, writer in
                #expect(server?.connectionCount ?? 0 <= 4)
                let peer = writer.peerAddress?.host ?? ""
                open[peer, default: 0] += 1
                #expect(open[peer] ?? 0 <= 2)
                let start = loop.now
                // Counted until its connection has ended.
                defer { open[peer, default: 0] -= 1 }
                do {
                    for try await line in reader.lines { try await writer.write(line + "\n") }
                } catch {
                    #expect(loop.now - start <= .seconds(4))
                    throw error
                }
            }
            server = started
            try await started.serveForever()
        }
        try await settled()
        try net.host("client", count: 3) {
            try await gather(0..<4) { number in
                while true {
                    try await sleep(.milliseconds(Int.random(in: 0...300)))
                    do {
                        let (reader, writer) = try await openConnection(host: "server", port: 7)
                        defer { writer.close() }
                        try await writer.write("\(number)\n")
                        guard try await reader.readTextLine() == "\(number)" else { continue }
                        served += 1
                        // Some leave, and some stay until they are cut off.
                        if Int.random(in: 0...1) == 0 { _ = try await reader.read() }
                        return
                    } catch is OSError {}
                }
            }
        }
        try await sleep(.seconds(120))
        #expect(served >= 12)
        #expect(server?.connectionCount == 0 && open.values.allSatisfy { $0 == 0 })
    }
}
