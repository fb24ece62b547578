import AsyncIO

/// What is built from the primitives, each on a loop of its own.
actor Conveniences {
    nonisolated let io: EventLoopThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { io.unownedExecutor }

    init(on io: EventLoopThread) { self.io = io }

    private func check(_ what: String, _ isRight: Bool) { print(what, isRight && EventLoop.current === io.loop) }

    func all() async throws {
        try await sync()
        try await channels()
        try await time()
        try await structure()
        try await network()
    }

    private func sync() async throws {
        let (first, second) = (Lock(), Lock())
        let areHeld = try await withLocks(second, first) { first.isLocked && second.isLocked }
        check("withLocks", areHeld)
        let table = ReadWriteLock()
        let readers = try await gather(0..<3) { _ in
            try await table.withReadLock {
                try await sleep(.milliseconds(1))
                return table.readerCount
            }
        }
        let isHeld = try await table.withWriteLock { table.isWriteLocked }
        check("ReadWriteLock", readers.contains(3) && isHeld)
        let latch = Latch(2)
        for _ in 0..<2 { createTask { try latch.countDown() } }
        try await latch.wait()
        check("Latch", latch.count == 0)
        let limiter = CapacityLimiter(1)
        check("CapacityLimiter", try await toThread(on: .shared, limiter: limiter) { 7 } == 7 && limiter.used == 0)
    }

    private func channels() async throws {
        let news = Broadcast<Int>(capacity: 4)
        let subscriptions = [news.subscribe(), news.subscribe()]
        let sums = subscriptions.map { subscription in
            createTask {
                var sum = 0
                for try await number in subscription { sum += number }
                return sum
            }
        }
        for number in 1...3 {
            try await news.send(number)
            try await sleep(.milliseconds(1))
        }
        news.close()
        check("Broadcast", try await gather(sums) == [6, 6])
        let level = LatestValue(1)
        let waiting = createTask { try await level.wait { $0 == 3 } }
        try await sleep(.milliseconds(1))
        level.value = 3
        check("LatestValue", try await waiting.value == 3)
        let (sender, receiver) = memoryObjectStream(of: Int.self)
        createTask {
            for number in 0..<3 { try await sender.send(number) }
            sender.close()
        }
        var received: [Int] = []
        for try await number in receiver { received.append(number) }
        check("memoryObjectStream", received == [0, 1, 2])
        let (mailbox, queue) = (Mailbox<Int>(), Queue<Int>())
        Task.detached { try mailbox.putNoWait(9) }
        check("select", try await select(.get(from: queue) { $0 }, .get(from: mailbox) { $0 }) == 9)
        check("select in time", try await select(.get(from: queue) { $0 }, .after(.milliseconds(1)) { -1 }) == -1)
        try queue.putNoWait(4)
        queue.shutdown()
        var sum = 0
        for try await number in queue.asSendable() { sum += number }
        check("asSendable", sum == 4)
    }

    private func time() async throws {
        var beats = 0
        for try await _ in ticks(every: .milliseconds(1)) {
            beats += 1
            if beats == 3 { break }
        }
        check("ticks", beats == 3)
        let schedule = try Schedule("* * * * *")
        let times = createTask { for try await _ in schedule.times {} }
        try await sleep(.milliseconds(1))
        times.cancel()
        check("Schedule", schedule.next(after: .zero) == .seconds(60))
        let rate = RateLimiter(1_000, per: .seconds(1), burst: 1)
        for _ in 0..<3 { try await rate.acquire() }
        check("RateLimiter", try !rate.tryAcquire())
        let breaker = CircuitBreaker(failures: 1, recovery: .seconds(60))
        _ = try? await breaker.run { throw ValueError("bad") }
        check("CircuitBreaker", breaker.state == .open)
        check("hedged", try await hedged([50, 1], after: .milliseconds(1), after) == 1)
        var calls = 0
        let throttle = Throttle(interval: .milliseconds(1)) { calls += 1 }
        let debouncer = Debouncer(delay: .milliseconds(1)) { calls += 10 }
        for _ in 0..<5 {
            throttle.call()
            debouncer.call()
        }
        try await sleep(.milliseconds(20))
        check("Throttle and Debouncer", calls == 12)
    }

    private func structure() async throws {
        let value = Lazy {
            try await sleep(.milliseconds(1))
            return 5
        }
        check("Lazy", try await gather(0..<3) { _ in try await value.value } == [5, 5, 5])
        let cache = ExpiringCache<String, Int>(lifetime: .seconds(60))
        var loads = 0
        _ = try await gather(0..<3) { _ in
            try await cache.value(for: "a") {
                loads += 1
                return 1
            }
        }
        check("ExpiringCache", loads == 1)
        var runs = 0
        try await supervise("worker") {
            runs += 1
            if runs < 3 { throw ValueError("bad") }
        }
        check("supervise", runs == 3)
        var count = 0
        try await catching(ValueError.self) {
            try await withAsyncTaskGroup { group in
                for _ in 0..<2 { try group.createTask { throw ValueError("bad") } }
            }
        } handler: {
            count = $0.count
        }
        check("catching", count > 0)
    }

    private func network() async throws {
        let options = Server.Options(maxConnections: 5, idleTimeout: .seconds(60))
        let server = try await startServer(host: "127.0.0.1", port: 0, options: options) { reader, writer in
            for try await frame in reader.frames(.lengthPrefixed(maxLength: 100)) {
                try await writer.writeFrame(frame, .lengthPrefixed(maxLength: 100))
            }
        }
        let proxy = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            let upstream = try await openConnection(host: "127.0.0.1", port: server.port)
            defer { upstream.1.close() }
            try await copyBothWays((reader, writer), upstream)
        }
        let pool = ConnectionPool.streams(to: .tcp(host: "127.0.0.1", port: proxy.port))
        let answer = try await pool.withConnection { reader, writer in
            try await writer.corked { message in
                message.writeInteger(UInt32(2))
                message.write("hi")
            }
            let peeked = try await reader.peek(4)
            let length = try await reader.readInteger(as: UInt32.self)
            return peeked == [0, 0, 0, 2] ? try await reader.readExactly(Int(length)) : []
        }
        check("frames, proxy, and pool", answer == Array("hi".utf8))
        pool.close()
        var tries = 0
        let outcome = try await withReconnection(
            backoff: Backoff(initial: .milliseconds(1)), when: { $0 is ValueError }
        ) {
            tries += 1
            if tries < 3 { throw ValueError("bad") }
            return tries
        } body: {
            $0
        }
        check("withReconnection", outcome == 3)
        try await proxy.shutdown(within: .seconds(5))
        var left: [Int] = []
        try await server.shutdown(within: .seconds(5)) { left.append($0) }
        check("shutdown", left.last == 0)
    }
}

func conveniences() async throws {
    let io = try EventLoopThread(name: "shard")
    try await Conveniences(on: io).all()
    try await io.shutDown(within: .seconds(10))
    print("threads left", Threads.count(named: "shard"))
}
