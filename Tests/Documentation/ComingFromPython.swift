// The code of Sources/AsyncIO/AsyncIO.docc/ComingFromPython.md.

import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct ComingFromPython {
    func fetch(_ url: String) async throws -> String {
        try await sleep(.seconds(1))
        return "page of \(url)"
    }

    @Test func coroutinesBecomeClosures() async throws {
        let urls = ["a", "b"]
        let task = createTask { try await fetch("a") }
        let pages = try await gather(urls) { url in try await fetch(url) }
        let (one, other) = try await gather({ try await fetch("a") }, { try await fetch("b") })
        #expect(try await task.value == one)
        #expect(pages == [one, other])
    }

    @Test func scopesBecomeFunctions() async throws {
        let lock = Lock()
        var pages: [String] = []
        try await withTimeout(.seconds(10)) { timeout in
            try await withAsyncTaskGroup { group in
                try group.createTask { pages.append(try await fetch("a")) }
                try group.createTask { pages.append(try await fetch("b")) }
            }
            try timeout.reschedule(to: nil)
            try await lock.withLock { pages.sort() }
        }
        #expect(pages.count == 2)
    }

    @Test func cancellationIsARequest() async throws {
        var log: [String] = []
        let worker = createTask {
            do {
                try await sleep(.seconds(3600))
            } catch is CancellationError {
                log.append("told to stop: \(currentTask()?.cancelMessage ?? "no reason")")
                try await sleep(.seconds(1)) // waiting works again: clean up
                throw CancellationError()
            }
        }
        try await sleep(.seconds(1))
        worker.cancel("closing time")
        _ = try await wait([worker])
        #expect(worker.wasCancelled)
        #expect(log == ["told to stop: closing time"])
    }

    @Test func exceptStarBecomesSplit() async throws {
        var found: [String] = []
        await #expect(throws: ExceptionGroup.self) {
            do {
                try await withAsyncTaskGroup { group in
                    try group.createTask { throw ValueError("a bad value") }
                    try group.createTask { throw RuntimeError("something else") }
                }
            } catch let group as ExceptionGroup {
                let (values, others) = group.split { $0 is ValueError }
                for error in values?.errors ?? [] { found.append("value: \(error)") }
                if let others { throw others }
            }
        }
        #expect(found == ["value: a bad value"])
    }

    @Test func generators() async throws {
        var seen: [Int] = []
        let countdown = AsyncGenerator<Int> { yield in
            for number in (1...3).reversed() {
                try await yield(number)
                try await sleep(.seconds(1))
            }
        }
        for try await number in countdown { seen.append(number) }
        #expect(seen == [3, 2, 1])
    }

    @Test func queuesEnd() async throws {
        var total = 0
        let queue = Queue<Int>(maxSize: 10)
        try await withAsyncTaskGroup { group in
            try group.createTask {
                for number in 1...100 { try await queue.put(number) }
                queue.shutdown()
            }
            try group.createTask {
                for try await number in queue { total += number }
            }
        }
        #expect(total == 5050)
    }

    @Test func workersAddWork() async throws {
        var seen: Set<String> = []
        func links(on page: String) async throws -> [String] {
            try await sleep(.seconds(1))
            return page.count < 4 ? [page + "a", page + "b", "/"] : []
        }
        let pages = Queue<String>()
        try await withAsyncTaskGroup { group in
            for _ in 1...3 {
                try group.createTask {
                    for try await page in pages {
                        for link in try await links(on: page) where seen.insert(link).inserted {
                            try pages.putNoWait(link)
                        }
                        try pages.taskDone()
                    }
                }
            }
            try pages.putNoWait("/")
            try await pages.join() // all pages are done, and no new ones have been found
            pages.shutdown() // ends the workers
        }
        #expect(seen.count == 15)
    }
}

@Suite(.eventLoop) struct ComingFromPythonThreads {
    @Test func threads() async throws {
        let loop = try EventLoop.running
        let answer = try await toThread {
            // On a thread: may block. Hands work to the loop and waits for it.
            try loop.submit { try await answerOfTheLoop() }.wait()
        }
        #expect(answer == 42)
    }

    func answerOfTheLoop() async throws -> Int {
        try await sleep(.milliseconds(1))
        return 42
    }
}
