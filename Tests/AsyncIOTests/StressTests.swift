import AsyncIO
import AsyncIOSystem
import AsyncIOTesting
import Glibc
import Testing

/// Everything at once, together with foreign threads. No wake-up may be lost, and nothing may run
/// in the wrong place. `ASYNCIO_STRESS_SECONDS` sets a longer duration.
@Suite(.eventLoop) struct StressTests {
    private var seconds: Double {
        getenv("ASYNCIO_STRESS_SECONDS").flatMap { Double(String(cString: $0)) } ?? 0.3
    }

    @Test func everyKindOfWorkMixedWithForeignThreads() async throws {
        let home = thisThread()
        let loop = try EventLoop.running
        let crowd = Crowd(loop: loop)
        crowd.start()
        defer { crowd.stop() }
        let end = ContinuousClock.now + .seconds(seconds)
        let strangers = Counter()
        var rounds: [String: Int] = [:]

        /// Several tasks that do one kind of work until the time is up. A lost wake-up leaves one
        /// of them waiting, and the timeout below shows which.
        func workers(_ name: String, _ body: @escaping () async throws -> Void) -> [AsyncTask<Void>] {
            rounds[name] = 0
            return (0..<4).map { number in
                createTask(name: "\(name) \(number)") {
                    while ContinuousClock.now < end {
                        try await body()
                        rounds[name, default: 0] += 1
                        if thisThread() != home { strangers.increase() }
                    }
                }
            }
        }

        var all = workers("continuation") {
            await withCheckedContinuation { continuation in crowd.add { continuation.resume() } }
        }
        all += workers("plain task and continuation") {
            let task = Task {
                await withCheckedContinuation { continuation in crowd.add { continuation.resume() } }
                if thisThread() != home { strangers.increase() }
            }
            await task.value
        }
        all += workers("future") {
            nonisolated(unsafe) let future = Future<Int>()
            crowd.add { _ = try? loop.callSoonThreadSafe { try future.setResult(1) } }
            if try await future.value != 1 { Issue.record("wrong value") }
        }
        all += workers("submit") {
            let value: Int = await withCheckedContinuation { continuation in
                crowd.add {
                    let future = loop.submit {
                        try await sleep(.zero)
                        return 7
                    }
                    // A foreign thread that waits here blocks one of several threads.
                    continuation.resume(returning: (try? future.wait(timeout: .seconds(60))) ?? -1)
                }
            }
            if value != 7 { Issue.record("submit returned \(value)") }
        }
        all += workers("toThread") {
            if try await toThread({ thisThread() }) == home { strangers.increase() }
        }
        all += workers("pool") {
            if await withTaskExecutorPreference(ThreadPool.shared, operation: { await heavy() }) == home {
                strangers.increase()
            }
        }
        all += workers("stream") {
            let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
            crowd.add {
                for number in 0..<5 { continuation.yield(number) }
                continuation.finish()
            }
            var sum = 0
            for await number in stream { sum += number }
            if sum != 10 { Issue.record("a stream lost data") }
        }
        all += workers("group and async let") {
            async let one = heavy()
            let threads = await withTaskGroup(of: UInt.self) { group in
                for _ in 0..<3 { group.addTask { await heavy() } }
                var threads: [UInt] = []
                for await thread in group { threads.append(thread) }
                return threads
            }
            let first = await one
            if threads.count != 3 || !(threads + [first]).allSatisfy({ $0 == home }) { strangers.increase() }
        }
        all += workers("actor") {
            let actor = Place()
            if await actor.thread() != home { strangers.increase() }
        }
        all += workers("foreign cancellation") {
            let task = Task { try await sleep(.seconds(3600)) }
            let other = Task { try await Task.sleep(for: .seconds(3600)) }
            crowd.add {
                task.cancel()
                other.cancel()
            }
            _ = await task.result
            _ = await other.result
        }
        all += workers("preference") {
            try await withTaskExecutorPreference(ThreadPool.shared) {
                let future = Future<Int>()
                createTask { try future.setResult(1) }
                _ = try await future.value
                try await sleep(.zero)
            }
        }
        all += workers("asyncio") {
            let queue = Queue<Int>(maxSize: 1)
            let lock = Lock()
            let producer = createTask { for number in 0..<3 { try await queue.put(number) } }
            for _ in 0..<3 {
                _ = try await queue.get()
                try await lock.withLock { try await sleep(.zero) }
            }
            try await producer.value
            do {
                try await withTimeout(.microseconds(50)) { _ in try await Task.sleep(for: .seconds(3600)) }
                Issue.record("no timeout")
            } catch is TimeoutError {}
            try await sleep(.microseconds(20))
        }
        all += workers("cancelled handle") {
            let handle = try loop.callSoonThreadSafe {}
            await withCheckedContinuation { continuation in
                crowd.add {
                    handle.cancel()
                    continuation.resume()
                }
            }
        }

        let (_, pending) = try await AsyncIO.wait(all, timeout: .seconds(seconds + 60))
        for task in pending { Issue.record("\(task.name) waits forever") }
        for task in all where task.isDone { try task.result() }
        for (name, count) in rounds where count == 0 { Issue.record("\(name) did nothing") }
        #expect(strangers.value == 0)
        if seconds > 1 { print("stress: \(rounds.sorted { $0.key < $1.key })") }
    }
}

/// Threads that asyncio does not know and that run what they are given, at odd moments.
nonisolated private final class Crowd: Sendable {
    private struct State {
        var jobs: [@Sendable () -> Void] = []
        var isOver = false
    }

    private let state = Guarded(State())
    private let loop: EventLoop

    init(loop: EventLoop) { self.loop = loop }

    func start() {
        for _ in 0..<8 {
            onForeignThread { [self] in
                while true {
                    let (job, isOver) = state.withLock { ($0.jobs.popLast(), $0.isOver) }
                    if let job {
                        if Int.random(in: 0..<8) == 0 { block(.microseconds(Int.random(in: 1..<200))) }
                        job()
                    } else if isOver {
                        return
                    } else {
                        block(.microseconds(20))
                    }
                }
            }
        }
    }

    func add(_ job: @escaping @Sendable () -> Void) { state.withLock { $0.jobs.append(job) } }
    func stop() { state.withLock { $0.isOver = true } }
}
