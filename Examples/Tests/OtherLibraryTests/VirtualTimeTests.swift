import AsyncAlgorithms
import AsyncIO
import AsyncIOTesting
import Foundation
import Logging
import ServiceLifecycle
import Testing

/// Timers of libraries that do not depend on AsyncIO. In virtual time, they give the values that they
/// give in real time, to the second.
@Suite struct VirtualTimeTests {
    /// The numbers from zero, one per second of the loop.
    private func numbers(_ count: Int) -> AsyncStream<Int> {
        let (stream, continuation) = AsyncStream<Int>.makeStream()
        createTask {
            for number in 0..<count {
                continuation.yield(number)
                try await sleep(.seconds(1))
            }
            continuation.finish()
        }
        return stream
    }

    @Test(.virtualTime) func debounceWaitsForAPause() async throws {
        let start = try EventLoop.running.now
        let (stream, continuation) = AsyncStream<Int>.makeStream()
        let source = createTask {
            for burst in 0..<3 {
                for number in 0..<3 {
                    continuation.yield(burst * 10 + number)
                    try await sleep(.seconds(1))
                }
                try await sleep(.seconds(600))
            }
            continuation.finish()
        }
        var received: [Int] = []
        var times: [Duration] = []
        for await number in stream.debounce(for: .seconds(5)) {
            received.append(number)
            times.append(try EventLoop.running.now - start)
        }
        try await source.value
        #expect(received == [2, 12, 22])
        #expect(times == [.seconds(7), .seconds(610), .seconds(1213)])
    }

    @Test(.virtualTime) func throttleLetsOneValueThroughPerInterval() async throws {
        var received: [Int] = []
        for await number in numbers(30)._throttle(for: .seconds(5)) { received.append(number) }
        #expect(received == [0, 5, 10, 15, 20, 25, 29])
    }

    @Test(.virtualTime) func timersTickAtTheirInterval() async throws {
        let start = try EventLoop.running.now
        var times: [Duration] = []
        for await _ in AsyncTimerSequence(interval: .seconds(60), clock: .continuous).prefix(5) {
            times.append(try EventLoop.running.now - start)
        }
        #expect(times == (1...5).map { .seconds(60 * $0) })
        for await _ in AsyncTimerSequence(interval: .seconds(60), clock: .suspending).prefix(5) {}
        #expect(try EventLoop.running.now - start == .seconds(600))
    }

    @Test(.virtualTime) func chunksEndAtTheirInterval() async throws {
        var chunks: [[Int]] = []
        for await chunk in numbers(20).chunked(by: .repeating(every: .milliseconds(4500))) { chunks.append(chunk) }
        #expect(chunks == [[0, 1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12, 13], [14, 15, 16, 17], [18, 19]])
    }

    @Test(.virtualTime) func channelsMergeWithOtherSequences() async throws {
        let channel = AsyncChannel<Int>()
        let source = createTask {
            for number in 0..<100 {
                await channel.send(number)
                try await sleep(.seconds(1))
            }
            channel.finish()
        }
        var sum = 0
        for await number in merge(channel, (0..<10).async) { sum += number }
        try await source.value
        #expect(sum == 4950 + 45)
    }

    @Test(.virtualTime) func aCacheThatReadsTheDateExpires() async throws {
        let cache: [String: (value: Int, expires: Date)] = ["answer": (42, Date() + 3600)]
        func answer() -> Int? { cache["answer"].flatMap { $0.expires > Date() ? $0.value : nil } }
        try await Task.sleep(for: .seconds(3599))
        #expect(answer() == 42)
        try await Task.sleep(for: .seconds(2))
        #expect(answer() == nil)
    }

    @Test(.virtualTime) func aServiceThatDoesNotShutDownIsCancelledInTime() async throws {
        struct Stubborn: Service {
            nonisolated func run() async throws {
                // Ignores the graceful shutdown, but not the cancellation.
                try await Task.sleep(for: .seconds(1_000_000))
            }
        }
        let start = ContinuousClock.now
        var configuration = ServiceGroupConfiguration(
            services: [.init(service: Stubborn())],
            logger: Logger(label: "group", factory: { _ in SwiftLogNoOpLogHandler() }))
        configuration.maximumGracefulShutdownDuration = .seconds(30)
        let group = ServiceGroup(configuration: configuration)
        let running = createTask { try await group.run() }
        try await sleep(.seconds(10))
        await group.triggerGracefulShutdown()
        _ = try? await running.value
        #expect(ContinuousClock.now - start == .seconds(40))
    }
}
