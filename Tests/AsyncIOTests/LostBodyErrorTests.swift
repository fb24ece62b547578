import AsyncIO
import AsyncIOTesting
import Testing

/// The error of a body reaches the caller, whatever else goes wrong at the end of its scope.
@Suite(.virtualTime) struct LostBodyErrorTests {
    @Test func aBodyThatReleasedALockAndThenFailsKeepsItsError() async throws {
        let lock = Lock()
        let error = await thrown {
            try await lock.withLock {
                try lock.release()
                throw Boom(1)
            }
        }
        #expect(error is Boom && !lock.isLocked)
        // A body without an error gets the error about its mistake.
        #expect(await thrown { try await lock.withLock { try lock.release() } } is RuntimeError)
    }

    @Test func conditionsAndSemaphoresAreNoDifferent() async throws {
        let condition = Condition()
        let first = await thrown {
            try await condition.withLock {
                try condition.release()
                throw Boom(1)
            }
        }
        #expect(first is Boom)
        let semaphore = BoundedSemaphore(1)
        let second = await thrown {
            try await semaphore.withLock {
                try semaphore.release()
                throw Boom(2)
            }
        }
        #expect(second is Boom && semaphore.value == 1)
    }

    @Test func aWaitAtABarrierWhoseLockIsGoneKeepsItsError() async throws {
        let barrier = Barrier(2)
        let task = createTask { try await barrier.wait() }
        try await sleep(.seconds(1))
        try await barrier.abort()
        #expect(await thrown { try await task.value } is BrokenBarrierError)
    }

    @Test func aCancellationWhileBackgroundTasksEndDoesNotHideTheBodysError() async throws {
        let task = createTask {
            try await withBackgroundTasks { background in
                background.createTask {
                    do { try await sleep(.seconds(3600)) } catch { try await sleep(.seconds(5)) }
                }
                try await sleep(.seconds(1))
                throw Boom(1)
            }
        }
        try await sleep(.seconds(2))
        task.cancel()
        #expect(await thrown { try await task.value } is Boom)
    }

    @Test func aCancellationWhileACleanUpRunsDoesNotHideItsError() async throws {
        let task = createTask {
            try await withCleanup(timeout: nil) {
                try await sleep(.seconds(2))
                throw Boom(1)
            }
        }
        try await sleep(.seconds(1))
        task.cancel()
        #expect(await thrown { try await task.value } is Boom)
    }

    @Test func aCancellationWhileAServerShutsDownDoesNotHideTheBodysError() async throws {
        let task = createTask {
            let server = try await startServer(host: "127.0.0.1", port: 0) { _, _ in }
            try await withServer(server) { _ in throw Boom(1) }
        }
        #expect(await thrown { try await task.value } is Boom)
    }
}
