// The code of Sources/AsyncIO/AsyncIO.docc/Limits.md.

import AsyncIO
import AsyncIOTesting
import Testing

nonisolated func numberOfPrimes(below limit: Int) -> Int {
    (2..<limit).count { number in !(2..<number).contains { number % $0 == 0 } }
}

@concurrent nonisolated func heavy() async -> Int { numberOfPrimes(below: 100) }

@Suite struct Limits {
    @Test(.eventLoop) func leavingTheLoop() async throws {
        let primes = try await toThread { numberOfPrimes(below: 1_000) }
        let more = await withTaskExecutorPreference(ThreadPool.shared) { await heavy() }
        #expect((primes, more) == (168, 25))
    }

    @Test(.virtualTime) func waitingAfterACancellation() async throws {
        var log: [String] = []
        let task = createTask {
            do {
                try await sleep(.seconds(3600))
            } catch is CancellationError {
                try await sleep(.seconds(1)) // waits of this library work again
                log.append("AsyncIO.sleep")
                try await withTimeout(.seconds(10)) { try await Task.sleep(for: .seconds(1)) }
                log.append("Task.sleep in a scope")
            }
            do {
                try await Task.sleep(for: .seconds(1))
            } catch is CancellationError {
                log.append("not outside of one")
            }
        }
        try await sleep(.zero)
        task.cancel()
        try await task.value
        #expect(log == ["AsyncIO.sleep", "Task.sleep in a scope", "not outside of one"])
    }

    @Test(.virtualTime) func aListOfBodies() async throws {
        var bodies: [() async throws -> Int] = []
        for number in 1...3 { bodies.append { number * number } }
        let squares = try await gather(bodies) { body in try await body() }
        #expect(squares == [1, 4, 9])
    }
}
