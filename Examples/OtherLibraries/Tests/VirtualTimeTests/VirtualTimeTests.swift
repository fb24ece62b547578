import AsyncHTTPClient
import AsyncIO
import AsyncIOTesting
import GRDB
import Glibc
import NIOCore
import NIOPosix
import Testing

/// Libraries with threads of their own, in virtual time. By default, their threads keep real time, and the loop waits
/// for their answers before time continues. With `threads: .virtual`, their threads follow the loop.
@Suite(.serialized) struct VirtualTimeTests {
    private func withClient(_ body: (HTTPClient) async throws -> Void) async throws {
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        do { try await body(client) } catch {
            try await client.shutdown()
            throw error
        }
        try await client.shutdown()
    }

    @Test(.virtualTime) func aDatabaseAnswersFromItsQueue() async throws {
        let database = try DatabaseQueue()
        #expect(try await database.read { try Int.fetchOne($0, sql: "SELECT 7") } == 7)
    }

    @Test(.virtualTime) func anEventLoopOfNIOAnswers() async throws {
        #expect(try await MultiThreadedEventLoopGroup.singleton.next().submit { 7 }.get() == 7)
    }

    @Test(.virtualTime(grace: .seconds(10))) func anAnswerOfNIOComesBeforeATimeoutInVirtualTime() async throws {
        let number = try await withTimeout(.seconds(30)) {
            try await MultiThreadedEventLoopGroup.singleton.next().scheduleTask(in: .milliseconds(20)) { 7 }
                .futureResult.get()
        }
        #expect(number == 7)
    }

    // MARK: AsyncHTTPClient

    /// Runs `body` with the URL of a server on the loop.
    private func withServer(
        _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void, _ body: (String) async throws -> Void
    ) async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0, handler)
        defer { server.close() }
        try await body("http://127.0.0.1:\(server.port)/")
    }

    /// How long `body` takes on the machine's clock.
    private func realTime(_ body: () async throws -> Void) async throws -> Duration {
        let start = try await toThread { ContinuousClock.now }
        try await body()
        return try await toThread { start.duration(to: .now) }
    }

    @Test(.virtualTime(grace: .seconds(10))) func aRefusedConnectionIsReportedAsSuch() async throws {
        try await withClient { client in
            // The client tries again until its own deadline.
            let error = await #expect(throws: (any Error).self) {
                try await client.execute(HTTPClientRequest(url: "http://127.0.0.1:9/"), timeout: .milliseconds(500))
            }
            #expect(error is IOError || error is HTTPClientError, "\(String(describing: error))")
        }
    }

    @Test(.virtualTime(grace: .seconds(60))) func aRequestThatIsAnsweredInTimeSucceeds() async throws {
        func answer(_ reader: StreamReader, _ writer: StreamWriter) async throws {
            _ = try await reader.readText(until: "\r\n\r\n")
            try await writer.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nyes")
        }
        try await withServer(answer) { url in
            try await withClient { client in
                let response = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(30))
                #expect(String(buffer: try await response.body.collect(upTo: 100)) == "yes")
            }
        }
        let elapsed = try VirtualClock.current.elapsed
        #expect(elapsed == .zero)
    }

    @Test(.virtualTime(grace: .seconds(10))) func aRequestThatIsNotAnsweredTimesOut() async throws {
        try await withServer({ reader, _ in while try await !reader.read().isEmpty {} }) { url in
            try await withClient { client in
                await #expect(throws: HTTPClientError.deadlineExceeded) {
                    try await client.execute(HTTPClientRequest(url: url), timeout: .milliseconds(200))
                }
            }
        }
    }

    /// The client computes the deadline on the loop's thread, in virtual time, and compares it with the machine's
    /// time on a thread of its own.
    @Test(.virtualTime(grace: .seconds(30))) func aTimeoutOfTheClientIsLateByTheVirtualTimeThatHasPassed() async throws
    {
        try await sleep(.seconds(3))
        try await withServer({ reader, _ in while try await !reader.read().isEmpty {} }) { url in
            try await withClient { client in
                let duration = try await realTime {
                    await #expect(throws: HTTPClientError.deadlineExceeded) {
                        try await client.execute(HTTPClientRequest(url: url), timeout: .milliseconds(200))
                    }
                }
                // It is early by the real time that has passed.
                #expect(duration >= .seconds(1))
            }
        }
    }

    // MARK: Threads that follow

    @Test(.virtualTime(threads: .virtual)) func aTimeoutOfTheClientFollowsVirtualTime() async throws {
        try await sleep(.seconds(3_600))
        try await withServer({ reader, _ in while try await !reader.read().isEmpty {} }) { url in
            try await withClient { client in
                let start = ContinuousClock.now
                for _ in 1...3 {
                    await #expect(throws: HTTPClientError.deadlineExceeded) {
                        try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(30))
                    }
                }
                #expect(start.duration(to: .now) == .seconds(90))
            }
        }
    }

    @Test(.virtualTime(threads: .virtual)) func aConnectTimeoutOfTheClientFollowsVirtualTime() async throws {
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .seconds(20)
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let start = ContinuousClock.now
        // The queue of this socket is full.
        let full = try FullListener()
        await #expect(throws: HTTPClientError.connectTimeout) {
            try await client.execute(HTTPClientRequest(url: "http://127.0.0.1:\(full.port)/"), timeout: .seconds(100))
        }
        #expect(start.duration(to: .now) == .seconds(20))
        try await client.shutdown()
    }

    @Test(.virtualTime(threads: .virtual)) func aConnectionThatIsNotUsedIsClosedInVirtualTime() async throws {
        var ends: [Duration] = []
        let start = ContinuousClock.now
        func answer(_ reader: StreamReader, _ writer: StreamWriter) async throws {
            _ = try await reader.readText(until: "\r\n\r\n")
            try await writer.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes")
            while try await !reader.read().isEmpty {}
            ends.append(start.duration(to: .now))
        }
        try await withServer(answer) { url in
            try await withClient { client in
                let response = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(30))
                #expect(String(buffer: try await response.body.collect(upTo: 100)) == "yes")
                // The client closes it after a minute.
                try await sleep(.seconds(3_600))
            }
        }
        #expect(ends == [.seconds(60)])
    }

    @Test(.virtualTime(threads: .virtual)) func aTaskOfNIOIsScheduledInVirtualTime() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        for delay in [TimeAmount.hours(2), .milliseconds(20), .nanoseconds(1)] {
            let start = ContinuousClock.now
            try await loop.scheduleTask(in: delay) {}.futureResult.get()
            #expect(start.duration(to: .now) == .nanoseconds(delay.nanoseconds))
        }
    }

    @Test(.virtualTime(threads: .virtual)) func aRepeatedTaskOfNIOIsScheduledInVirtualTime() async throws {
        let (ticks, continuation) = AsyncStream.makeStream(of: Duration.self)
        let start = ContinuousClock.now
        let task = MultiThreadedEventLoopGroup.singleton.next().scheduleRepeatedTask(
            initialDelay: .seconds(1), delay: .minutes(1)
        ) { _ in continuation.yield(start.duration(to: .now)) }
        var durations: [Duration] = []
        for await tick in ticks {
            durations.append(tick)
            if durations.count == 20 { break }
        }
        task.cancel()
        #expect(durations == (0..<20).map { .seconds(1 + 60 * $0) })
    }

    @Test func aTimeoutOfTheClientFollowsALoopOnItsOwnThread() async throws {
        let elapsed = try await runInVirtualTime(threads: .virtual) { io in
            let server = try await startServer(host: "127.0.0.1", port: 0) { reader, _ in
                while try await !reader.read().isEmpty {}
            }
            defer { server.close() }
            let start = io.loop.now
            let client = HTTPClient(eventLoopGroupProvider: .singleton)
            await #expect(throws: HTTPClientError.deadlineExceeded) {
                _ = io
                _ = try await client.execute(
                    HTTPClientRequest(url: "http://127.0.0.1:\(server.port)/"), timeout: .seconds(30))
            }
            try await client.shutdown()
            return io.loop.now - start
        }
        #expect(elapsed == .seconds(30))
    }

    @Test(.virtualTime) func aTimeoutAroundTheClientFollowsVirtualTime() async throws {
        try await sleep(.seconds(3_600))
        try await withServer({ reader, _ in while try await !reader.read().isEmpty {} }) { url in
            try await withClient { client in
                await #expect(throws: TimeoutError.self) {
                    try await withTimeout(.seconds(30)) {
                        try await client.execute(HTTPClientRequest(url: url), timeout: .hours(1))
                    }
                }
            }
        }
        #expect(try VirtualClock.current.elapsed == .seconds(3_630))
    }
}

/// A socket that does not answer attempts to connect, because its queue is full.
private final class FullListener {
    private let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    private var clients: [CInt] = []
    private(set) var port = 0

    init() throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = bind(listener, address, size)
                listen(listener, 0)
                getsockname(listener, address, &size)
                for _ in 0..<4 {
                    let client = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
                    connect(client, address, size)
                    clients.append(client)
                }
            }
        }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { for descriptor in clients + [listener] { close(descriptor) } }
}
