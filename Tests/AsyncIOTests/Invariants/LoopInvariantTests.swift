import AsyncIO
import AsyncIOTesting
import Testing

@Suite struct LoopInvariantTests {
    @Test(.seeds(4)) func theStructuresOfALoopAgreeInEveryTurn() async throws {
        let loop = try EventLoop.running
        let work = createTask {
            try await withAsyncTaskGroup { group in
                for number in 0..<8 { try group.createTask { try await self.work(number) } }
            }
        }
        var turns = 0
        while !work.isDone {
            // While something runs in every turn, no time passes.
            for _ in 0..<20 {
                loop.checkInvariants()
                turns += 1
                try await sleep(.zero)
            }
            try await sleep(.milliseconds(1))
        }
        try await work.value
        #expect(turns > 100)
    }

    /// Nested scopes, timers that are cancelled and others that fire, foreign waits, and descriptors.
    private func work(_ number: Int) async throws {
        let loop = try EventLoop.running
        let pipe = try Pipe()
        var received = 0
        try loop.addReader(pipe.reader) { received += pipe.drain() }
        for round in 0..<4 {
            let timers = try (0..<50).map { try loop.callLater(.milliseconds(number + $0)) {} }
            pipe.send()
            do {
                try await withTimeout(.milliseconds(3 + number % 3)) {
                    try await withTimeout(.milliseconds(4)) {
                        try await sleep(.zero)
                        if round % 2 == 0 {
                            try await Task.sleep(for: .milliseconds(number % 8))
                        } else {
                            try await sleep(.milliseconds(number % 8))
                        }
                    }
                    try await withAsyncTaskGroup { group in
                        for child in 0..<3 { try group.createTask { try await sleep(.milliseconds(child)) } }
                    }
                }
            } catch is TimeoutError {}
            for timer in timers.dropFirst(round * 10) { timer.cancel() }
        }
        while received < 4 { try await sleep(.milliseconds(1)) }
        try loop.removeReader(pipe.reader)
    }
}
