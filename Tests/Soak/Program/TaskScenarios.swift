import AsyncIO

/// What tasks do among themselves, without system calls.
func taskScenarios() -> [Scenario] {
    [
        Scenario("sleeps under time-outs") {
            // Sometimes one is shorter, sometimes the other, and sometimes they are equal.
            let (inner, outer, work) = (some(0...3), some(0...3), some(0...3))
            var ended = false
            do {
                try await withTimeout(outer) {
                    do {
                        try await withTimeout(inner) { try await sleep(work) }
                    } catch is TimeoutError {
                        try await sleep(.milliseconds(1))
                    }
                    ended = true
                }
                try expect(ended, "a timeout cancelled its body without throwing")
            } catch is TimeoutError {}
            try expect(currentTask()?.cancelling == 0, "a timeout did not withdraw its request")
        },
        Scenario("tasks that are cancelled anywhere") {
            let lock = Lock()
            let queue = Queue<Int>(maxSize: 2)
            let semaphore = Semaphore(2)
            let event = Event()
            var inside = 0
            let tasks = (0..<8).map { number in
                createTask {
                    try await semaphore.withLock {
                        try await lock.withLock {
                            inside += 1
                            defer { inside -= 1 }
                            try expect(inside == 1, "two tasks hold the lock")
                            try await sleep(some(0...2))
                        }
                        try await queue.put(number)
                        _ = try await queue.get()
                    }
                    if number == 7 { try await event.wait() }
                    try await shield { try await sleep(some(0...1)) }
                }
            }
            for task in tasks where chance.once(in: 2) {
                try await sleep(some(0...1))
                task.cancel()
            }
            event.set()
            for case .failure(let error) in try await gatherResults(tasks) where !(error is CancellationError) {
                throw error
            }
            try expect(!lock.isLocked && semaphore.value == 2, "something was never released: \(lock), \(semaphore)")
        },
        Scenario("producers and consumers") {
            let queue: Queue<Int> = pick([Queue(maxSize: 3), LIFOQueue(maxSize: 3), PriorityQueue()])
            var (made, eaten) = (0, 0)
            try await withAsyncTaskGroup { group in
                for _ in 0..<3 {
                    try group.createTask {
                        for try await item in queue {
                            eaten += item
                            if chance.once(in: 3) { try await sleep(some(0...1)) }
                        }
                    }
                }
                try await gather(Array(1...3)) { producer in
                    for number in 1...20 {
                        let item = producer * number
                        try await queue.put(item)
                        made += item
                    }
                }
                queue.shutdown()
            }
            try expect(made == eaten, "\(made) items were put in and \(eaten) taken out")
        },
        Scenario("a group whose children fail") {
            struct Planned: Error {}
            let failing = chance.next(in: 0...5)
            var ended = 0
            do {
                try await withAsyncTaskGroup { group in
                    for number in 0..<6 {
                        try group.createTask {
                            defer { ended += 1 }
                            try await sleep(some(0...3))
                            if number <= failing { throw Planned() }
                        }
                    }
                }
                throw Failure("a child's error was lost")
            } catch let group as ExceptionGroup {
                try expect(group.errors.allSatisfy { $0 is Planned }, "\(group)")
            }
            try expect(ended <= 6, "a child ended twice")
        },
        Scenario("conditions and barriers") {
            let condition = Condition()
            let barrier = Barrier(4)
            var turn = 0
            let tasks = (0..<4).map { number in
                createTask {
                    _ = try await barrier.wait()
                    try await condition.withLock {
                        try await condition.wait { turn == number }
                        turn += 1
                        try condition.notifyAll()
                    }
                }
            }
            let isCut = chance.once(in: 3)
            if isCut {
                try await sleep(.zero)
                tasks[3].cancel()
                try await sleep(.milliseconds(1))
                try await barrier.abort()
                for task in tasks { task.cancel() }
            }
            _ = try await gatherResults(tasks)
            try expect(isCut || turn == 4, "\(turn) of 4 had their turn")
        },
        Scenario("generators, races and debouncers") {
            var isClosed = false
            let numbers = AsyncGenerator<Int> { yield in
                defer { isClosed = true }
                for number in 0... {
                    try await sleep(.milliseconds(1))
                    try await yield(number)
                }
            }
            for try await number in numbers where number == 3 { break }
            // A task of its own closes it.
            for _ in 0..<100 where !isClosed { try await sleep(.milliseconds(1)) }
            try expect(isClosed, "a generator outlives its consumer")
            let winner = try await race(
                { () -> Int in
                    try await sleep(.milliseconds(1))
                    return 1
                },
                {
                    try await sleep(.milliseconds(chance.next(in: 2...9)))
                    return 2
                })
            try expect(winner == 1, "the slower one won")
            var calls = 0
            let debouncer = Debouncer(delay: .milliseconds(2)) { calls += 1 }
            for _ in 0..<3 { debouncer.call() }
            try await sleep(.milliseconds(10))
            try expect(calls == 1, "a debouncer ran \(calls) times")
        },
        Scenario("attempts, results as they come, background tasks") {
            struct Passing: Error {}
            var left = chance.next(in: 0...2)
            try await retry(attempts: 3, backoff: Backoff(initial: .milliseconds(1))) {
                left -= 1
                if left >= 0 { throw Passing() }
            }
            let tasks = (0..<5).map { number in
                createTask {
                    try await sleep(some(0...3))
                    return number
                }
            }
            var sum = 0
            for try await task in asCompleted(tasks) { sum += try await task.value }
            try expect(sum == 10, "\(sum) is not 10")
            try await withBackgroundTasks { background in
                for _ in 0..<3 { background.createTask { try await sleep(.seconds(100)) } }
                try await sleep(some(0...2))
            }
        },
        Scenario("plain Swift tasks") {
            async let one = doubled(1)
            async let two = doubled(2)
            let tasks = (0..<5).map { number in Task { try await doubled(number) } }
            var sum = 0
            for task in tasks { sum += try await task.value }
            let first = try await one
            let second = try await two
            try expect(first + second + sum == 26, "sums differ")
            // A sleep of the standard library, cut short: the runtime keeps its timer until it
            // would have fired.
            try? await withTimeout(some(1...2)) { try await Task.sleep(for: .seconds(2)) }
        },
    ]
}

private func doubled(_ number: Int) async throws -> Int {
    try await Task.sleep(for: .milliseconds(1))
    return 2 * number
}
