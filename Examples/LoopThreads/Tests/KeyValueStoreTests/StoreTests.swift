import AsyncIO
import KeyValueStore
import Testing

/// Runs `body` with a store, which is shut down afterwards.
func withStore(shards: Int = 2, _ body: (Store) async throws -> Void) async throws {
    let store = try Store(shards: shards)
    do { try await body(store) } catch {
        try await store.shutDown()
        throw error
    }
    try await store.shutDown()
}

/// Tests in Swift Testing, on Swift's own executors.
@Suite struct StoreTests {
    @Test func nothingIsInstalledInTheProcess() async throws {
        #expect(EventLoop.current == nil)
        #expect(await MainActor.run { EventLoop.current == nil })
    }

    @Test func valuesAreFoundOnEveryShard() async throws {
        try await withStore(shards: 3) { store in
            for number in 0..<100 { await store.set("\(number)", for: "key \(number)") }
            for number in 0..<100 { #expect(await store.value(of: "key \(number)") == "\(number)") }
            #expect(await store.remove("key 7") == "7")
            #expect(await store.value(of: "key 7") == nil)
            #expect(await store.remove("key 7") == nil)
        }
    }

    @Test @MainActor func theMainActorWaitsForAValue() async throws {
        try await withStore { store in
            async let value = store.awaitValue(of: "answer")
            await store.set("42", for: "answer")
            let answer = try await value
            #expect(answer == "42")
        }
    }

    @Test func aWaitEndsWhenTheTimeIsUp() async throws {
        try await withStore { store in
            await #expect(throws: TimeoutError.self) {
                try await store.awaitValue(of: "nothing", within: .milliseconds(10))
            }
        }
    }

    @Test func aWaitEndsWhenTheTaskIsCancelled() async throws {
        try await withStore { store in
            let waiting = Task { try await store.awaitValue(of: "nothing") }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
        }
    }

    @Test func aWaitEndsWhenTheStoreIsShutDown() async throws {
        let store = try Store()
        let waiting = Task { try await store.awaitValue(of: "nothing") }
        try await store.shutDown()
        await #expect(throws: (any Error).self) { try await waiting.value }
        await #expect(throws: RuntimeError.self) { try await store.awaitValue(of: "nothing") }
    }

    @Test func clientsTalkToTheServerInLines() async throws {
        try await withStore(shards: 3) { store in
            let port = try await store.serve()
            let client = try EventLoopThread(name: "client")
            let responses = try await client.run { _ in
                let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
                let requests = ["GET a", "SET a hello world", "GET a", "WAIT a", "REMOVE a", "REMOVE a", "PUT"]
                var responses: [String] = []
                for request in requests {
                    try await writer.write(request + "\n")
                    responses.append(try await reader.readTextLine() ?? "end of stream")
                }
                writer.close()
                return responses
            }
            #expect(responses.prefix(4) == ["NONE", "OK", "VALUE hello world", "VALUE hello world"])
            #expect(responses.dropFirst(4) == ["OK", "NONE", "ERROR unknown request"])
            try await client.shutDown()
        }
    }

    @Test func aClientWaitsForWhatTheProgramSets() async throws {
        try await withStore { store in
            let port = try await store.serve()
            let client = try EventLoopThread(name: "client")
            let (sent, continuation) = AsyncStream<Void>.makeStream()
            async let waiting = client.run { _ in
                let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
                try await writer.write("WAIT color\n")
                continuation.finish()
                let response = try await reader.readTextLine()
                writer.close()
                return response
            }
            for await _ in sent {}
            await store.set("blue", for: "color")
            let response = try await waiting
            #expect(response == "VALUE blue")
            try await client.shutDown()
        }
    }
}
