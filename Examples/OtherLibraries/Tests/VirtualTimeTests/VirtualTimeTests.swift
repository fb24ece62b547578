import AsyncHTTPClient
import AsyncIO
import AsyncIOTesting
import GRDB
import NIOCore
import NIOPosix
import Testing

/// Libraries with threads of their own, in virtual time. Their threads keep real time; the loop waits for
/// their answers before it lets virtual time go on.
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

    @Test(.virtualTime(grace: .seconds(10))) func aRefusedConnectionIsReportedAsSuch() async throws {
        try await withClient { client in
            // The client tries again until its own deadline.
            let error = await #expect(throws: (any Error).self) {
                try await client.execute(HTTPClientRequest(url: "http://127.0.0.1:9/"), timeout: .milliseconds(500))
            }
            #expect(error is IOError || error is HTTPClientError, "\(String(describing: error))")
        }
    }

    @Test(.virtualTime(grace: .seconds(10))) func aRequestThatIsAnsweredInTimeSucceeds() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            while let line = try await reader.readTextLine(), !line.isEmpty {}
            try await writer.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nyes")
        }
        try await withClient { client in
            let response = try await client.execute(
                HTTPClientRequest(url: "http://127.0.0.1:\(server.port)/"), timeout: .seconds(3))
            #expect(String(buffer: try await response.body.collect(upTo: 100)) == "yes")
        }
        server.close()
    }

    @Test(.virtualTime(grace: .seconds(10))) func aRequestThatIsNotAnsweredTimesOut() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, _ in _ = try await reader.read() }
        try await withClient { client in
            let error = await #expect(throws: HTTPClientError.self) {
                try await client.execute(
                    HTTPClientRequest(url: "http://127.0.0.1:\(server.port)/"), timeout: .milliseconds(200))
            }
            #expect(error == .deadlineExceeded)
        }
        server.close()
    }
}
