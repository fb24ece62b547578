// The code of Sources/AsyncIO/AsyncIO.docc/Recipes.md.

import AsyncIO
import AsyncIOTesting
import Testing

import var Glibc.SIGTERM
import func Glibc.raise
import func Glibc.unlink

struct Page {
    let host: String
    let path: String
}

struct Failed: Error {}

@Suite struct Recipes {
    private let web = Web()

    /// Answers after a second with the name of the page, unless the test wants something else.
    final class Web {
        var slowness = Duration.seconds(1)
        var failures = 0
        var fetches = 0
        var mostAtOnce = 0
        private var running = 0

        func fetch(_ page: Page) async throws -> String {
            fetches += 1
            running += 1
            mostAtOnce = max(mostAtOnce, running)
            defer { running -= 1 }
            if failures > 0 {
                failures -= 1
                throw Failed()
            }
            try await sleep(slowness)
            return page.host + page.path
        }
    }

    private func fetch(_ page: Page) async throws -> String { try await web.fetch(page) }
    private var slowness: Duration {
        get { web.slowness }
        nonmutating set { web.slowness = newValue }
    }
    private var failures: Int {
        get { web.failures }
        nonmutating set { web.failures = newValue }
    }
    private var fetches: Int { web.fetches }
    private var mostAtOnce: Int { web.mostAtOnce }

    @Test(.virtualTime) func crawlWithALimitForEachHost() async throws {
        let pages = (0..<6).map { Page(host: $0 < 4 ? "a" : "b", path: "/\($0)") }
        var texts: [String] = []
        func index(_ text: String) { texts.append(text) }
        var hosts: [String: Semaphore] = [:]
        func fetchPolitely(_ page: Page) async throws -> String {
            let limit = hosts[page.host] ?? Semaphore(2)
            hosts[page.host] = limit
            return try await limit.withLock { try await fetch(page) }
        }
        for try await text in concurrentMap(pages, limit: 100, ordered: false, { try await fetchPolitely($0) }) {
            index(text)
        }
        #expect(texts.count == 6)
        #expect(mostAtOnce == 4)
    }

    @Test(.virtualTime) func retryWithABudget() async throws {
        let budget = RateLimiter(10, per: .seconds(60))
        func fetchPatiently(_ page: Page) async throws -> String {
            try await retry(
                attempts: 4, backoff: Backoff(jitter: 0.5), when: { _ in (try? budget.tryAcquire()) == true }
            ) {
                try await fetch(page)
            }
        }
        failures = 2
        #expect(try await fetchPatiently(Page(host: "a", path: "/")) == "a/")
        #expect(budget.available == 8)
    }

    @Test(.virtualTime) func takeTheFirstAnswer() async throws {
        let mirrors = ["a", "b"].map { Page(host: $0, path: "/") }
        let fastest = try await race(mirrors) { mirror in try await fetch(mirror) }
        let careful = try await hedged(mirrors, after: .milliseconds(50)) { mirror in try await fetch(mirror) }
        #expect(fastest == "a/" && careful == "a/")
    }

    @Test(.virtualTime) func limitTheTimeOfAWholeRequest() async throws {
        let footerPage = Page(host: "footer", path: "/")
        func answer(_ request: Page) async throws -> String {
            try await withTimeout(.seconds(2)) {
                let (page, footer) = try await gather({ try await fetch(request) }, { try await fetch(footerPage) })
                return page + footer
            }
        }
        #expect(try await answer(Page(host: "a", path: "/")) == "a/footer/")
        slowness = .seconds(60)
        await #expect(throws: TimeoutError.self) { try await answer(Page(host: "a", path: "/")) }
    }

    @Test(.virtualTime) func beGentleWithAService() async throws {
        let limiter = RateLimiter(100, per: .seconds(1), burst: 20)
        let breaker = CircuitBreaker(failures: 5, recovery: .seconds(30))
        func call(_ page: Page) async throws -> String {
            try await breaker.run {
                try await limiter.acquire()
                return try await fetch(page)
            }
        }
        failures = 5
        for _ in 0..<5 { await #expect(throws: Failed.self) { try await call(Page(host: "a", path: "/")) } }
        await #expect(throws: CircuitOpenError.self) { try await call(Page(host: "a", path: "/")) }
        try await sleep(.seconds(30))
        #expect(try await call(Page(host: "a", path: "/")) == "a/")
    }

    @Test(.virtualTime) func batchBySizeOrTime() async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self, capacity: 10)
        var sizes: [Int] = []
        func store(_ batch: [Int]) async throws { sizes.append(batch.count) }
        createTask {
            for number in 0..<250 {
                try await sender.send(number)
                if number == 220 { try await sleep(.seconds(10)) }
            }
            sender.close()
        }
        while let first = try await receiver.receive() {
            var batch = [first]
            do {
                try await waitFor(timeout: .seconds(1)) {
                    while batch.count < 100, let next = try await receiver.receive() { batch.append(next) }
                }
            } catch is TimeoutError {}
            try await store(batch)
        }
        #expect(sizes == [100, 100, 21, 29])
    }

    @Test(.virtualTime) func workOffAQueue() async throws {
        var done: [Int] = []
        func perform(_ job: Int) async throws {
            try await sleep(.seconds(1))
            done.append(job)
        }
        let jobs = Queue<Int>(maxSize: 100)
        try await withBackgroundTasks { workers in
            for _ in 0..<5 {
                workers.createTask {
                    for try await job in jobs {
                        try await perform(job)
                        try jobs.taskDone()
                    }
                }
            }
            for job in 0..<20 { try await jobs.put(job) }
            try await jobs.join()
        }
        #expect(done.sorted() == Array(0..<20))
    }

    @Test(.eventLoop) func buildAPipeline() async throws {
        let path = "/tmp/swift-asyncio-recipes-\(UInt64.random(in: 0...(.max)))"
        try await writeFile(path, "1\n2\nthree\n4\n")
        defer { unlink(path) }
        var sum = 0
        let (lines, parser) = memoryObjectStream(of: String.self, capacity: 16)
        let (numbers, adder) = memoryObjectStream(of: Int.self, capacity: 16)
        try await withAsyncTaskGroup { stages in
            try stages.createTask {
                try await withFile(path) { file in
                    for try await line in file.lines { try await lines.send(line) }
                }
                lines.close()
            }
            try stages.createTask {
                for try await line in parser { if let number = Int(line) { try await numbers.send(number) } }
                numbers.close()
            }
            for try await number in adder { sum += number }
        }
        #expect(sum == 7)
    }

    @Test(.eventLoop) func broadcastToSubscribers() async throws {
        let news = Broadcast<String>(capacity: 100)
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, writer in
            for try await headline in news.subscribe() { try await writer.write(headline + "\n") }
        }
        createTask {
            for try await _ in ticks(every: .milliseconds(1)) { try await news.send("still sunny") }
        }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        #expect(try await reader.readTextLine() == "still sunny")
        writer.close()
        try await server.shutdown(within: .zero)
    }

    @Test(.virtualTime) func shareASettingThatChanges() async throws {
        var levels: [String] = []
        func setLogLevel(_ level: String) { levels.append(level) }
        let level = LatestValue("info")
        let follower = createTask {
            for try await now in level.changes { setLogLevel(now) }
        }
        level.value = "debug"
        level.close()
        try await follower.value
        #expect(levels == ["debug"])
    }

    @Test(.virtualTime) func waitForSeveralThings() async throws {
        let (urgent, normal, stop) = (Queue<String>(), Queue<String>(), Event())
        var done: [String] = []
        defer { #expect(done == ["urgent", "normal"]) }
        func perform(_ job: String) async throws {
            done.append(job)
            if done.count == 2 { stop.set() }
        }
        try normal.putNoWait("normal")
        try urgent.putNoWait("urgent")
        while true {
            let next: String? = try await select(
                .wait(for: stop) { nil }, .get(from: urgent) { $0 }, .get(from: normal) { $0 },
                .after(.seconds(60)) { "tidy up" })
            guard let job = next else { return }
            try await perform(job)
        }
    }

    @Test(.virtualTime) func runSomethingAtASteadyPace() async throws {
        let loop = try EventLoop.running
        let start = loop.now
        var times: [Duration] = []
        func poll() async throws {
            times.append(loop.now - start)
            try await sleep(.seconds(times.count == 1 ? 25 : 1))
            if times.count == 3 { throw Failed() }
        }
        await #expect(throws: Failed.self) {
            for try await _ in ticks(every: .seconds(10), missed: .skip) {
                try await poll()
            }
        }
        #expect(times == [.seconds(10), .seconds(35), .seconds(40)])
    }

    @Test(.virtualTime) func runAJobEveryNight() async throws {
        var backups = 0
        func backUp() async throws {
            backups += 1
            if backups == 3 { throw Failed() }
        }
        await #expect(throws: Failed.self) {
            let nightly = try Schedule("30 2 * * *")
            for try await _ in nightly.times {
                try await backUp()
            }
        }
    }

    @Test(.virtualTime) func cacheAndLoadEachValueOnce() async throws {
        let cache = ExpiringCache<String, String>(lifetime: .seconds(300), limit: 1_000)
        func page(_ path: String) async throws -> String {
            try await cache.value(for: path) { try await fetch(Page(host: "a", path: path)) }
        }
        let pages = try await gather(0..<3) { _ in try await page("/") }
        #expect(pages == ["a/", "a/", "a/"] && fetches == 1)
    }

    @Test(.eventLoop) func shareAPoolOfConnections() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            for try await line in reader.lines { try await writer.write(line + "\n") }
        }
        let pool = ConnectionPool.streams(to: .tcp(host: "127.0.0.1", port: server.port), size: 10)
        func ask(_ question: String) async throws -> String? {
            try await pool.withConnection { reader, writer in
                try await writer.write(question + "\n")
                return try await reader.readTextLine()
            }
        }
        #expect(try await ask("hello") == "hello")
        #expect(pool.idleCount == 1)
        pool.close()
        try await server.shutdown(within: .zero)
    }

    @Test(.eventLoop) func speakAProtocolWithFrames() async throws {
        let codec = LengthPrefixedCodec<UInt32>(maxLength: 65_536)
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            for try await message in reader.frames(codec) {
                try await writer.writeFrame(message.reversed(), codec)
            }
        }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        try await writer.writeFrame([1, 2, 3], codec)
        #expect(try await codec.read(from: reader) == [3, 2, 1])
        writer.close()
        try await server.shutdown(within: .seconds(1))
    }

    @Test(.eventLoop) func writeAProxy() async throws {
        let backend = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            try await writer.write(try await reader.read().reversed())
        }
        let limits = Server.Options(maxConnections: 1_000, idleTimeout: .seconds(60))
        let proxy = try await startServer(host: "127.0.0.1", port: 0, options: limits) { reader, writer in
            let upstream = try await openConnection(host: "127.0.0.1", port: backend.port)
            defer { upstream.1.close() }
            try await copyBothWays((reader, writer), upstream)
        }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: proxy.port)
        try await writer.write([1, 2, 3])
        try writer.writeEOF()
        #expect(try await reader.read() == [3, 2, 1])
        writer.close()
        try await proxy.shutdown(within: .seconds(1))
        try await backend.shutdown(within: .seconds(1))
    }

    @Test(.eventLoop) func drainOnSIGTERM() async throws {
        func serve(_ server: Server) async throws {
            let cutOff = try await server.serve(until: .terminate, .interrupt, grace: .seconds(10))
            if cutOff > 0 { print("\(cutOff) connections were cut off") }
        }
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, _ in }
        let serving = createTask { try await serve(server) }
        try await sleep(.milliseconds(1))
        raise(SIGTERM)
        try await serving.value
    }

    @Test(.virtualTime) func superviseWorkers() async throws {
        func runImporter() async throws { throw Failed() }
        func runExporter() async throws { try await sleep(.seconds(3_600)) }
        await #expect(throws: SupervisionError.self) {
            let supervisor = Supervisor(restarts: 5, per: .seconds(60), backoff: Backoff(initial: .seconds(1)))
            supervisor.add("importer") { try await runImporter() }
            supervisor.add("exporter", restart: .always) { try await runExporter() }
            try await supervisor.run()
        }
    }

    @Test(.virtualTime) func handleSomeOfTheErrorsOfAGroup() async throws {
        failures = 1
        var failed = 0
        let pages = [Page(host: "a", path: "/"), Page(host: "b", path: "/")]
        try await catching(Failed.self) {
            try await withAsyncTaskGroup { group in
                for page in pages { try group.createTask { _ = try await fetch(page) } }
            }
        } handler: { errors in
            failed = errors.count
        }
        #expect(failed == 1)
    }
}
