// The code of Sources/AsyncIO/AsyncIO.docc/DebuggingAStuckProgram.md.

import AsyncIO
import AsyncIOTesting
import Testing

@Suite struct Debugging {
    func takingPart(_ serve: @escaping () async throws -> Void) throws {
        try allowInspection()
        AsyncIO.main { try await serve() }
    }

    @Test(.virtualTime) func askingFromInside() async throws {
        let lock = Lock()
        try await lock.acquire()
        let stuck = createTask(name: "stuck") { try await lock.acquire() }
        try await sleep(.zero)
        let loop = try EventLoop.running
        for task in allTasks() {
            print(task.name, task.stack.first?.description ?? "")
        }
        try printCallGraph(stuck)
        for circle in loop.deadlocks() {
            print("deadlock:", circle.map(\.name))
        }
        print(lock, loop.statistics.lag, loop.statistics.longestStall)
        stuck.cancel()
    }

    final class LongestStep: LoopObserver {
        private var start = ContinuousClock.now
        private(set) var duration = Duration.zero
        private(set) var task = "none"

        func stepBegan(_ step: LoopStep, on loop: EventLoop) { start = .now }

        func stepEnded(_ step: LoopStep, on loop: EventLoop) {
            let taken = ContinuousClock.now - start
            if taken > duration { (duration, task) = (taken, step.task?.name ?? "\(step.kind)") }
        }
    }

    @Test(.eventLoop) func observing() async throws {
        func work() async throws { try await createTask(name: "working") { try await sleep(.zero) }.value }
        let loop = try EventLoop.running
        let longest = LongestStep()
        loop.addObserver(longest)
        try await work()
        loop.removeObserver(longest)
        print("the longest step took \(longest.duration), in \(longest.task)")
        #expect(longest.duration > .zero)
    }

    @Test(.eventLoop) func whoIsTold() async throws {
        let loop = try EventLoop.running
        loop.blockedThreshold = .milliseconds(250)
        loop.setBlockedHandler { report in
            print(report) // on the watchdog's thread, while the loop is blocked
            for frame in report.stack { print("   ", frame) }
        }
        loop.setBlockedHandler(nil)
    }

    @Test(.virtualTime) func reports() throws {
        let error = try #require(throws: DeadlockError.self) {
            try runInVirtualTime {
                let (first, second) = (Lock(), Lock())
                try await gather(
                    { try await takeBoth(first, second) },
                    { try await takeBoth(second, first) })
            }
        }
        print(error)
        #expect(error.cycles.count == 1)
    }

    func takeBoth(_ one: Lock, _ other: Lock) async throws {
        try await one.withLock {
            try await sleep(.seconds(1))
            try await other.withLock {}
        }
    }
}
