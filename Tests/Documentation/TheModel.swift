// The code of Sources/AsyncIO/AsyncIO.docc/TheModel.md.

import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct TheModel {
    @Test func orderIsKnown() async throws {
        var log: [String] = []
        createTask { log.append("third") }
        try EventLoop.running.callSoon { log.append("fourth") }
        createTask(eager: true) { log.append("first") }
        log.append("second")
        try await sleep(.zero)
        log.append("fifth")
        #expect(log == ["first", "second", "third", "fourth", "fifth"])
    }

    @Test func noLockBetweenTwoWaits() async throws {
        let requests = Queue<String>()
        var open = 0
        func handle(_ request: String) async throws {
            open += 1 // no other task runs here
            defer { open -= 1 }
            try await sleep(.seconds(1)) // other tasks run here
        }
        try await requests.put("one")
        try await handle(requests.get())
        #expect(open == 0)
    }

    func refund() async throws { try await sleep(.seconds(1)) }

    @Test func cleanUp() async throws {
        var refunded = false
        let order = createTask {
            do {
                try await sleep(.seconds(3600))
            } catch is CancellationError {
                // A second cancellation does not interrupt this, but the time limit does.
                try await withCleanup(timeout: .seconds(5)) {
                    try await refund()
                    refunded = true
                }
                throw CancellationError()
            }
        }
        try await sleep(.seconds(1))
        order.cancel()
        try await sleep(.zero)
        order.cancel()
        _ = try await wait([order])
        #expect(refunded && order.wasCancelled)
    }

    @Test func catchingAndGoingOn() async throws {
        let stubborn = createTask {
            do {
                try await sleep(.seconds(3600))
            } catch is CancellationError {
                currentTask()?.uncancel() // the request is dealt with
            }
            return "went on"
        }
        try await sleep(.zero)
        stubborn.cancel()
        let outcome = try await stubborn.value
        #expect(outcome == "went on")
        #expect(stubborn.cancelling == 0)
    }

    @Test func backPressure() async throws {
        func read(_ path: Int) async throws -> Int { path * path }
        var sum = 0
        for try await square in concurrentMap(1...1_000, limit: 8, { try await read($0) }) {
            sum += square // if this is slow, reading waits: at most 8 reads run at a time
        }
        #expect(sum == 333_833_500)
    }

    @Test func handlers() async throws {
        let loop = try EventLoop.running
        var reported: [String] = []
        loop.setExceptionHandler { context in
            reported.append("\(context.message): \(context.error.map { "\($0)" } ?? "")")
        }
        createTask { throw ValueError("nothing asks for this") }
        try await sleep(.zero)
        try await sleep(.zero)
        loop.setExceptionHandler(nil)
        #expect(reported == ["Task exception was never retrieved: nothing asks for this"])
    }
}
