import AsyncIO
import AsyncIOTesting
import Testing

/// The conveniences with the largest and the smallest numbers that their parameters can have.
@Suite(.virtualTime) struct ExtremeNumbersTests {
    private nonisolated static let longest = [
        Duration(attoseconds: .max), .seconds(Int64.max), .nanoseconds(Int64.max),
    ]
    private nonisolated static let shortest = [
        Duration(attoseconds: .min), .seconds(Int64.min), .seconds(-1), .zero, Duration(attoseconds: 1),
    ]

    // MARK: Durations

    @Test(arguments: longest) func aWaitThatNeverEndsCanBeCancelled(_ duration: Duration) async throws {
        let waits: [@MainActor () async throws -> Void] = [
            { try await sleep(duration) },
            { for try await _ in ticks(every: duration) { return } },
            { for try await _ in ticks(every: duration, missed: .skip) { return } },
            { try await select(.after(duration) {}) },
            { try await hedged(after: duration) { try await Future<Void>().value } },
            { try await waitFor(Future<Void>(), timeout: duration) },
            { try await supervise("one", backoff: Backoff(initial: duration, maximum: duration)) { throw Boom() } },
            { try await retry(attempts: 2, backoff: Backoff(initial: duration, maximum: duration)) { throw Boom() } },
        ]
        for wait in waits {
            let task = createTask { try await wait() }
            try await sleep(.seconds(1))
            #expect(!task.isDone)
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test(arguments: longest) func durationsCanHaveAnyLength(_ duration: Duration) async throws {
        let breaker = CircuitBreaker(failures: 1, recovery: duration)
        await #expect(throws: Boom.self) { try await breaker.run { throw Boom() } }
        #expect(breaker.state == .open)
        let error = await #expect(throws: CircuitOpenError.self) { try await breaker.run {} }
        #expect(error.map { $0.retryAfter > .seconds(1_000_000) } == true)

        let cache = ExpiringCache<Int, Int>(lifetime: duration)
        #expect(try await cache.value(for: 1) { 2 } == 2)
        try await sleep(.seconds(1_000))
        #expect(cache[1] == 2)

        var actions = 0
        let throttle = Throttle(interval: duration) { actions += 1 }
        let debouncer = Debouncer(delay: duration) { actions += 1 }
        throttle.call()
        debouncer.call()
        try await sleep(.seconds(1_000))
        #expect(actions == 1 && debouncer.isPending)
        try await debouncer.flush()
        #expect(actions == 2)

        let pool = ConnectionPool(size: 1, idleTime: duration) {
            1
        } close: { _ in
        }
        try await pool.withConnection { _ in }
        try await sleep(.seconds(1_000))
        #expect(pool.idleCount == 1)

        var failures = 0
        await #expect(throws: SupervisionError.self) {
            try await supervise("one", restarts: 2, per: duration) {
                failures += 1
                throw Boom()
            }
        }
        #expect(failures == 3)
        #expect(throws: ValueError.self) { try RateLimiter(validating: 1, per: duration, burst: 2) }
    }

    @Test(arguments: shortest) func durationsThatAreOverAtOnceDoNotWait(_ duration: Duration) async throws {
        let elapsed = try await time {
            var actions = 0
            let throttle = Throttle(interval: duration) { actions += 1 }
            let debouncer = Debouncer(delay: duration) { actions += 1 }
            for _ in 0..<2 {
                throttle.call()
                debouncer.call()
                try await sleep(.nanoseconds(10))
            }
            try await throttle.flush()
            try await debouncer.flush()
            #expect(actions == 4)
            try await select(.after(duration) {})
            #expect(try await hedged(after: duration) { 1 } == 1)
            await #expect(throws: Boom.self) {
                try await retry(attempts: 2, backoff: Backoff(initial: duration)) { throw Boom() }
            }
        }
        #expect(elapsed < .microseconds(1))
        if duration <= .zero {
            #expect(throws: ValueError.self) { try CircuitBreaker(validatingFailures: 1, recovery: duration) }
            await #expect(throws: ValueError.self) { for try await _ in ticks(every: duration) {} }
            #expect(throws: ValueError.self) { try RateLimiter(validating: 1, per: duration) }
            #expect(throws: ValueError.self) { try Supervisor(validatingRestarts: 1, per: duration) }
        }
    }

    @Test(arguments: [MissedTicks.burst, .skip, .delay])
    func ticksCanHaveAnyDistance(_ missed: MissedTicks) async throws {
        let iterator = ticks(every: Duration(attoseconds: 1), missed: missed)
        var count = 0
        var last: ContinuousClock.Instant?
        for try await tick in iterator {
            if let last { #expect(tick > last) }
            last = tick
            try await sleep(.seconds(100))
            count += 1
            if count == 3 { break }
        }
        #expect(count == 3)
    }

    @Test(arguments: longest + longest.map { .zero - $0 } + [.seconds(100_000_000_000_000)])
    func aScheduleEndsWhereTheCalendarDoes(_ date: Duration) throws {
        for text in ["* * * * *", "30 2 29 2 *", "0 0 31 12 0"] {
            if let next = try Schedule(text, zone: .utc).next(after: date) { #expect(next > date) }
            if let next = try Schedule(text, zone: .local).next(after: date) { #expect(next > date) }
        }
        #expect(try Schedule("5/9223372036854775807 * * * *", zone: .utc).next(after: .zero) == .seconds(300))
        #expect(throws: ValueError.self) { try Schedule("*/9223372036854775808 * * * *") }
    }

    // MARK: Numbers

    @Test func channelsCanHaveAnyCapacity() async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self, capacity: .max)
        let waiting = createTask { try await receiver.receive() }
        try await sleep(.zero)
        for number in 0..<3 { try sender.sendNoWait(number) }
        #expect(try await waiting.value == 0)
        #expect(try await select(.receive(from: receiver) { $0 }) == 1)

        let broadcast = Broadcast<Int>(capacity: .max, lag: .wait)
        let subscription = broadcast.subscribe()
        for number in 0..<3 { try await broadcast.send(number) }
        #expect(subscription.count == 3)

        let cache = ExpiringCache<Int, Int>(lifetime: .seconds(60), limit: .max)
        cache[1] = 1
        #expect(cache.count == 1)
        #expect(ExpiringCache<Int, Int>(lifetime: .seconds(60), limit: 0)[1] == nil)
    }

    @Test func theTotalOfALimiterCanGrowAndShrinkByAnyNumber() async throws {
        let limiter = CapacityLimiter(1)
        try await limiter.acquire()
        let waiting = (0..<3).map { _ in createTask { try await limiter.acquire() } }
        try await sleep(.zero)
        limiter.total = .max
        try await gather(waiting)
        #expect(limiter.used == 4)
        limiter.total = 2
        for _ in 0..<2 { limiter.release() }
        #expect(!limiter.acquireNoWait())
        limiter.release()
        #expect(limiter.acquireNoWait() && !limiter.acquireNoWait())
        limiter.total = .max
        limiter.total = .max
        limiter.total = 3
        #expect(limiter.acquireNoWait() && !limiter.acquireNoWait())
    }

    @Test func limitsCanBeTheLargestNumber() async throws {
        let pool = ConnectionPool(size: .max) {
            1
        } close: { _ in
        }
        #expect(try await pool.withConnection { $0 } == 1)
        let latch = Latch(.max)
        try latch.countDown(by: .max)
        try await latch.wait()
        let breaker = CircuitBreaker(failures: .max, recovery: .seconds(1))
        await #expect(throws: Boom.self) { try await breaker.run { throw Boom() } }
        #expect(breaker.state == .closed)
    }

    // MARK: Bytes

    @Test func aReaderWithoutALimitReadsLines() async throws {
        let reader = StreamReader(limit: .max)
        try reader.feed(Array("first\nsecond\n".utf8))
        reader.feedEOF()
        #expect(try await LineCodec().read(from: reader) == "first")
        #expect(try await LineCodec(maxLength: .max).read(from: reader) == "second")
        #expect(try await LineCodec(maxLength: .max).read(from: reader) == nil)
        #expect(try LineCodec(maxLength: .min).encode("").count == 1)
    }

    @Test(arguments: [UInt64(Int.max), UInt64(Int.max) - 7, UInt64(Int.max) + 1, .max])
    func aLengthThatCannotBeIsAnErrorOfThePeer(_ length: UInt64) async throws {
        let codec = LengthPrefixedCodec(length: UInt64.self, maxLength: .max, byteOrder: .little)
        let reader = StreamReader()
        try reader.feed((0..<8).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) } + [1, 2, 3])
        reader.feedEOF()
        let error = await thrown { try await codec.read(from: reader) }
        #expect(error is LimitOverrunError || error is IncompleteReadError)
    }

    @Test func noFrameFitsIntoANegativeLength() async throws {
        let codec = LengthPrefixedCodec(length: UInt8.self, maxLength: -1)
        #expect(throws: ValueError.self) { try codec.encode([]) }
        let reader = StreamReader()
        try reader.feed([0])
        await #expect(throws: LimitOverrunError.self) { try await codec.read(from: reader) }
    }

    @Test func aCopyCanReadAnyNumberOfBytesAtATime() async throws {
        let (source, from) = try memoryStreamPair()
        let (to, sink) = try memoryStreamPair(limit: .max)
        defer { for end in [source, from, to, sink] { end.writer.close() } }
        try await source.writer.write([1, 2, 3])
        try source.writer.writeEOF()
        #expect(try await copy(from: from.reader, to: to.writer, chunkSize: .max) == 3)
        try await to.writer.corked { _ in }
        try to.writer.writeEOF()
        #expect(try await sink.reader.peek(.max) == [1, 2, 3])
        #expect(try await sink.reader.read(.max) == [1, 2, 3])
        await #expect(throws: IncompleteReadError.self) { try await sink.reader.readExactly(.max) }
    }
}
