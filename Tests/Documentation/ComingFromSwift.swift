// The code of Sources/AsyncIO/AsyncIO.docc/ComingFromSwift.md.

import AsyncIO
import AsyncIOTesting
import Dispatch
import Foundation
import Synchronization
import Testing

final class Ledger {
    private var balances: [String: Int] = [:]
    private let lock = Lock()

    func transfer(_ amount: Int, from source: String, to target: String) async throws {
        try await lock.withLock { // across the wait; nothing else needs protection
            try await audit(source, target)
            balances[source, default: 0] -= amount
            balances[target, default: 0] += amount
        }
    }

    private func audit(_ names: String...) async throws { try await sleep(.milliseconds(1)) }
}

@concurrent func countPrimes(below limit: Int) async -> Int {
    (2..<limit).count { number in !(2..<number).contains { number % $0 == 0 } }
}

@Suite(.virtualTime) struct ComingFromSwift {
    @Test func plainSwiftRunsOnTheLoop() async throws {
        async let slow: Void = Task.sleep(for: .seconds(2))
        let names = AsyncStream<String> { stream in
            stream.yield("Ada")
            stream.finish()
        }
        for await name in names { print(name) }
        try await slow
    }

    @Test func timeouts() async throws {
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.seconds(5)) {
                try await Task.sleep(for: .seconds(60)) // any async code: it is cancelled
            }
        }
    }

    @Test func noActorIsNeeded() async throws {
        let ledger = Ledger()
        try await gather(1...10) { amount in try await ledger.transfer(amount, from: "a", to: "b") }
    }
}

@Suite(.eventLoop) struct ComingFromSwiftThreads {
    @Test func leavingTheLoop() async throws {
        let here = try await toThread { (1...1_000_000).reduce(0, +) }
        let there = await withTaskExecutorPreference(ThreadPool.shared) { await countPrimes(below: 1_000) }
        #expect(here == 500_000_500_000)
        #expect(there == 168)
    }

    func startSomethingElsewhere(_ body: @escaping @Sendable (String) -> Void) {
        _ = try? EventLoop.running.runInExecutor { body("42") }
    }

    @Test func comingBack() async throws {
        let answer = await withCheckedContinuation { continuation in
            startSomethingElsewhere { text in continuation.resume(returning: text) } // on any thread
        }
        #expect(answer == "42")
    }

    @Test func theMainQueueIsServed() async throws {
        let answer = await withCheckedContinuation { continuation in
            DispatchQueue.main.async { continuation.resume(returning: 42) }
        }
        #expect(answer == 42)
    }

    @Test func aTaskRunsTheRunLoop() async throws {
        let hasFired = Mutex(false)
        RunLoop.main.add(
            Timer(timeInterval: 0.001, repeats: false) { _ in hasFired.withLock { $0 = true } }, forMode: .default)
        func runRunLoop() { _ = RunLoop.main.run(mode: .default, before: .distantPast) }
        let runLoop = createTask {
            while true {
                runRunLoop()
                try await sleep(.milliseconds(10))
            }
        }
        while !hasFired.withLock({ $0 }) { try await sleep(.milliseconds(1)) }
        runLoop.cancel()
    }
}
