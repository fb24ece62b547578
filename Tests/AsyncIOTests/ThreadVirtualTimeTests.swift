import AsyncIO
import AsyncIOTesting
import Foundation
import Testing

@Suite("Virtual time on a loop with a thread of its own") struct ThreadVirtualTimeTests {
    @Test("an hour passes at once, and every clock of the thread follows") func anHour() async throws {
        let (loop, clock, date) = try await runInVirtualTime { io in
            let (loop, clock, date) = (io.loop.now, ContinuousClock.now, Date())
            try await sleep(.seconds(3_600))
            return (io.loop.now - loop, clock.duration(to: .now), Date().timeIntervalSince(date))
        }
        #expect(loop == .seconds(3_600))
        #expect(clock == .seconds(3_600))
        #expect(date == 3_600)
    }

    @Test("a wait that cannot end is reported as a deadlock") func deadlock() async throws {
        let error = await #expect(throws: DeadlockError.self) {
            try await runInVirtualTime { _ in try await Event().wait() }
        }
        #expect(error?.description.contains("main") == true)
    }

    @Test("the seed decides the order of tasks, and random numbers") func seeds() async throws {
        func numbers(_ seed: UInt64) async throws -> [Int] {
            try await runInVirtualTime(seed: seed) { io in
                let queue = Queue<Int>()
                for number in 0..<10 {
                    createTask {
                        try await sleep(.zero)
                        try await queue.put(number)
                    }
                }
                var numbers: [Int] = []
                for _ in 0..<10 { numbers.append(try await queue.get()) }
                return numbers + [Int.random(in: 0..<1_000_000_000)]
            }
        }
        let (first, second, other) = (try await numbers(1), try await numbers(1), try await numbers(2))
        #expect(first == second)
        #expect(first.dropLast() != other.dropLast())
        #expect(first.last != other.last)
        #expect(first.dropLast().sorted() == Array(0..<10))
    }

    /// `Task.sleep` leaves the loop before it reads a clock, so it takes real time if other threads do.
    @Test("Task.sleep does not follow, and a long one is reported as a deadlock") func taskSleep() async throws {
        let error = await #expect(throws: DeadlockError.self) {
            try await runInVirtualTime(grace: .milliseconds(1)) { _ in try await Task.sleep(for: .seconds(3_600)) }
        }
        #expect(error?.description.contains("waits for code outside of asyncio") == true)
    }

    @Test("the loop waits for an item that a thread puts into a mailbox") func mailbox() async throws {
        let item = try await runInVirtualTime(grace: .seconds(30)) { _ in
            let mailbox = Mailbox<Int>()
            onForeignThread {
                block(.milliseconds(50))
                try? mailbox.putNoWait(7)
            }
            return try await withTimeout(.seconds(3_600)) { try await mailbox.get() }
        }
        #expect(item == 7)
    }

    @Test("the loop waits for a signal that arrives on another thread") func signal() async throws {
        // No other test uses this signal.
        let signal = ProcessSignal(rawValue: 46)
        let elapsed = try await runInVirtualTime(grace: .seconds(2)) { io in
            let start = io.loop.now
            let arrivals = try signals(signal)
            createTask {
                try await sleep(.seconds(3_600))
                // With ThreadSanitizer, a thread that waits in a system call may not handle a signal in time, and the
                // signal of kill(2) can go to any thread.
                onForeignThread { raise(signal.rawValue) }
                try await sleep(.seconds(3_600))
            }
            _ = try await arrivals.next()
            return start.duration(to: io.loop.now)
        }
        #expect(elapsed == .seconds(3_600))
    }

    @Test("the loop waits for the answer of another thread during the grace") func grace() async throws {
        let elapsed = try await runInVirtualTime(grace: .seconds(60)) { io in
            let start = io.loop.now
            try await withTimeout(.milliseconds(1)) {
                _ = io
                await withCheckedContinuation { continuation in
                    onForeignThread {
                        block(.milliseconds(20))
                        continuation.resume()
                    }
                }
                try Task.checkCancellation()
            }
            return io.loop.now - start
        }
        #expect(elapsed == .zero)
    }
}
