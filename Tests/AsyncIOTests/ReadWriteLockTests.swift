import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct ReadWriteLockTests {
    @Test func readersHoldItTogetherAndAWriterAlone() async throws {
        let lock = ReadWriteLock()
        let readers = (0..<3).map { _ in createTask { try await lock.withReadLock { try await sleep(.seconds(1)) } } }
        let writers = (0..<2).map { _ in createTask { try await lock.withWriteLock { try await sleep(.seconds(1)) } } }
        let duration = try await time {
            try await gather(readers)
            try await gather(writers)
        }
        #expect(duration == .seconds(3))
        #expect(lock.readerCount == 0 && !lock.isWriteLocked)
    }

    @Test func aFreeLockDoesNotSuspend() async throws {
        let lock = ReadWriteLock()
        let cost = try await turns {
            try await lock.acquireRead()
            try await lock.acquireRead()
            try lock.releaseRead()
            try lock.releaseRead()
            try await lock.acquireWrite()
            try lock.releaseWrite()
        }
        #expect(cost == 0)
    }

    @Test func readersThatComeLaterCannotStarveAWriter() async throws {
        let lock = ReadWriteLock()
        var log: [String] = []
        func read(_ name: String) -> AsyncTask<Void> {
            createTask {
                try await lock.withReadLock {
                    log.append(name)
                    try await sleep(.seconds(1))
                }
            }
        }
        let first = read("reader 1")
        try await sleep(.milliseconds(1))
        let writer = createTask { try await lock.withWriteLock { log.append("writer") } }
        try await sleep(.milliseconds(1))
        let later = (2...3).map { read("reader \($0)") }
        try await gather([first, writer] + later)
        #expect(log == ["reader 1", "writer", "reader 2", "reader 3"])
    }

    @Test(.seeds(50)) func noScheduleLetsAWriterMeetAnyone() async throws {
        let lock = ReadWriteLock()
        var (reading, writing, done) = (0, 0, 0)
        try await gather(0..<12) { number in
            for _ in 0..<4 {
                if number % 3 == 0 {
                    try await lock.withWriteLock {
                        writing += 1
                        #expect(writing == 1 && reading == 0)
                        try await sleep(.zero)
                        writing -= 1
                    }
                } else {
                    try await lock.withReadLock {
                        reading += 1
                        #expect(writing == 0)
                        try await sleep(.zero)
                        reading -= 1
                    }
                }
                done += 1
            }
        }
        #expect(done == 48)
        #expect(lock.readerCount == 0 && !lock.isWriteLocked)
    }

    @Test func aCancelledWriterLetsTheTasksBehindItContinue() async throws {
        let lock = ReadWriteLock()
        try await lock.acquireRead()
        let writer = createTask { try await lock.acquireWrite() }
        try await sleep(.zero)
        let reader = createTask { try await lock.acquireRead() }
        try await sleep(.seconds(1))
        #expect(!reader.isDone)
        writer.cancel()
        await #expect(throws: CancellationError.self) { try await writer.value }
        try await reader.value
        #expect(lock.readerCount == 2)
        try lock.releaseRead()
        try lock.releaseRead()
        try await lock.withWriteLock {}
    }

    @Test func aCancelledReaderDoesNotHoldTheLock() async throws {
        let lock = ReadWriteLock()
        try await lock.acquireWrite()
        let reader = createTask { try await lock.acquireRead() }
        try await sleep(.zero)
        reader.cancel()
        await #expect(throws: CancellationError.self) { try await reader.value }
        try lock.releaseWrite()
        #expect(lock.readerCount == 0)
        try await lock.withWriteLock {}
    }

    @Test(.seeds(50)) func aCancellationInAnyTurnLeavesTheLockUsable() async throws {
        let lock = ReadWriteLock()
        let tasks = (0..<8).map { number in
            createTask {
                if number.isMultiple(of: 2) {
                    try await lock.withWriteLock { try await sleep(.zero) }
                } else {
                    try await lock.withReadLock { try await sleep(.zero) }
                }
            }
        }
        for task in tasks.dropFirst(4) {
            try await sleep(.zero)
            task.cancel()
        }
        _ = try await gatherResults(tasks)
        try await lock.withWriteLock {}
        #expect(lock.readerCount == 0 && !lock.isWriteLocked)
    }

    @Test func releasingWhatIsNotHeldIsAMistake() async throws {
        let lock = ReadWriteLock()
        #expect(throws: RuntimeError.self) { try lock.releaseRead() }
        #expect(throws: RuntimeError.self) { try lock.releaseWrite() }
        try await lock.withReadLock { _ = #expect(throws: RuntimeError.self) { try lock.releaseWrite() } }
        await #expect(throws: Boom.self) { try await lock.withWriteLock { throw Boom() } }
        #expect(!lock.isWriteLocked)
    }
}
