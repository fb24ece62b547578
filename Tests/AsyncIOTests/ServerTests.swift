import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

@Suite(.loopback) struct ServerTests {
    @Test func portZeroIsOneThatTheSystemChooses() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, _ in }
        defer { server.close() }
        #expect(server.port > 0)
        #expect(server.addresses.map(\.host) == ["127.0.0.1"])
    }

    @Test func noHostMeansAllInterfacesOnOnePort() async throws {
        let server = try await startServer(host: nil, port: 0) { _, writer in try await writer.write("hi") }
        defer { server.close() }
        #expect(Set(server.addresses.compactMap(\.port)).count == 1)
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        #expect(try await reader.read() == Array("hi".utf8))
        writer.close()
    }

    @Test func aPortInUseIsAClearError() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, _ in }
        defer { server.close() }
        let port = server.port
        let error = await #expect(throws: OSError.self) {
            _ = try await startServer(host: "127.0.0.1", port: port) { _, _ in }
        }
        #expect(error?.code == .addressInUse)
        #expect(error?.description.contains("127.0.0.1:\(port)") == true)
    }

    @Test func aClosedServerLetsItsConnectionsGoOn() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            try await writer.write(try await reader.readLine())
        }
        let port = server.port
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
        try await eventually { server.connectionCount > 0 }
        server.close()
        server.close()
        #expect(server.addresses.isEmpty)
        await #expect(throws: OSError.self) { _ = try await openConnection(host: "127.0.0.1", port: port) }

        let closed = createTask { try await server.waitClosed() }
        try await sleep(.milliseconds(5))
        #expect(!closed.isDone)
        try await writer.write("still there\n")
        #expect(try await reader.readLine() == Array("still there\n".utf8))
        try await closed.value
        writer.close()
    }

    @Test func serveForeverEndsWithItsTask() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, _ in }
        let task = createTask { try await server.serveForever() }
        try await sleep(.zero)
        await #expect(throws: RuntimeError.self) { try await server.serveForever() }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(!server.isServing)
        await #expect(throws: RuntimeError.self) { try await server.serveForever() }
    }

    @Test func closingTheServerEndsServeForeverAndCancelsNobody() async throws {
        for isPlain in [false, true] {
            let server = try await startServer(host: "127.0.0.1", port: 0) { _, _ in }
            let serve = {
                await #expect(throws: CancellationError.self) { try await server.serveForever() }
                #expect(currentTask()?.cancelling ?? 0 == 0)
                // It continues, and can wait.
                try await sleep(.milliseconds(1))
            }
            let ended = isPlain ? nil : createTask { try await serve() }
            let plain = isPlain ? Task { try await serve() } : nil
            try await settle()
            server.close()
            try await withTimeout(.seconds(5)) {
                try await ended?.value
                try await plain?.value
            }
        }
    }

    @Test func clientsCanBeClosedAndAborted() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, _ in _ = try await reader.read() }
        defer { server.close() }
        let port = server.port
        for end in [server.closeClients, server.abortClients] {
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            try await eventually { server.connectionCount > 0 }
            end()
            #expect(try await reader.read().isEmpty)
            writer.close()
            try await eventually { server.connectionCount == 0 }
        }
    }

    @Test func theServerSurvivesRunningOutOfDescriptors() throws {
        // The limit applies to the whole process, so nothing else may run meanwhile.
        try EventLoop.outsideOfAnyLoop {
            try AsyncIO.run {
                let loop = try EventLoop.running
                var reports: [ExceptionContext] = []
                loop.setExceptionHandler { reports.append($0) }
                let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
                    try await writer.write(try await reader.readLine())
                }
                let port = server.port
                // The accepted side of this connection finds no free descriptor.
                let client = try await LimitedDescriptors.whileOneIsLeft {
                    try Peer.connected(to: port)
                } _: { client in
                    try await eventually { reports.contains { $0.message.contains("out of system resources") } }
                    return client
                }

                // The server tries again after a second, and serves the waiting client.
                client.send("patience\n")
                #expect(try await client.text() == "patience\n")
                server.close()
                client.close()
                try await server.waitClosed()
            }
        }
    }

    @Test func tenThousandConnectionsLeaveNothingBehind() throws {
        // On a loop of its own, so that no other test opens anything meanwhile.
        try EventLoop.outsideOfAnyLoop {
            let (descriptors, memory) = try AsyncIO.run {
                let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
                    try await writer.write(try await reader.readLine())
                }
                let port = server.port
                func comeAndGo(_ count: Int) async throws {
                    for _ in 0..<count / 50 {
                        try await withAsyncTaskGroup { group in
                            for _ in 0..<50 {
                                try group.createTask {
                                    let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
                                    try await writer.write("x\n")
                                    #expect(try await reader.readLine() == Array("x\n".utf8))
                                    writer.close()
                                    try await writer.waitClosed()
                                }
                            }
                        }
                    }
                    while server.connectionCount > 0 { try await sleep(.milliseconds(1)) }
                }
                try await comeAndGo(2_000)
                let before = (Process.descriptors, Process.residentMemory)
                try await comeAndGo(10_000)
                let after = (Process.opened(since: before.0).count, Process.residentMemory)
                #expect(allTasks().count == 1)
                server.close()
                try await server.waitClosed()
                return (after.0, after.1 - before.1)
            }
            #expect(descriptors == 0)
            #expect(memory < 1_000_000, "\(memory) bytes more than before")
        }
    }
}
