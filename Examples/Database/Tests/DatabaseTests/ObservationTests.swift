import AsyncIO
import AsyncIOTesting
import Dispatch
import GRDB
import Testing

/// Tests GRDB on a loop: its observations are delivered on Dispatch's main queue.
@Suite(.eventLoop) struct ObservationTests {
    private let observation = ValueObservation.tracking { db in
        try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM note") ?? 0
    }

    private func makeDatabase() async throws -> DatabaseQueue {
        let database = try DatabaseQueue()
        try await database.write { db in try db.execute(sql: "CREATE TABLE note (text TEXT NOT NULL)") }
        return database
    }

    private func insert(_ text: String, into database: DatabaseQueue) async throws {
        try await database.write { db in
            try db.execute(sql: "INSERT INTO note (text) VALUES (?)", arguments: [text])
        }
    }

    @Test func startTellsTheFirstValueAndEachChangeOnTheLoop() async throws {
        let database = try await makeDatabase()
        let loop = try EventLoop.running
        let counts = Queue<Int>()
        let watching = observation.start(
            in: database, onError: { Issue.record($0) },
            onChange: { count in
                #expect(EventLoop.current === loop)
                try? counts.putNoWait(count)
            })
        #expect(try await counts.get() == 0)
        try await insert("milk", into: database)
        #expect(try await counts.get() == 1)
        watching.cancel()
        try await insert("bread", into: database)
        #expect(counts.isEmpty)
    }

    @Test func aSchedulerOnTheMainQueueWorksToo() async throws {
        let database = try await makeDatabase()
        let (counts, continuation) = AsyncStream.makeStream(of: Int.self)
        let watching = observation.start(
            in: database, scheduling: .async(onQueue: .main), onError: { _ in },
            onChange: { count in
                MainActor.preconditionIsolated()
                continuation.yield(count)
            })
        var first: Int?
        for await count in counts {
            first = count
            break
        }
        #expect(first == 0)
        watching.cancel()
    }

    @Test func valuesAreASequence() async throws {
        let database = try await makeDatabase()
        try await insert("milk", into: database)
        var seen: [Int] = []
        for try await count in observation.values(in: database) {
            seen.append(count)
            if count == 2 { break }
            try await insert("bread", into: database)
        }
        #expect(seen == [1, 2])
    }
}
