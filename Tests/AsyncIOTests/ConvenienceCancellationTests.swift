import AsyncIO
import AsyncIOTesting
import SystemPackage
import Testing

/// Waits of the conveniences that are cancelled in any turn, including that in which they are granted, and are then
/// repeated. Nothing is lost, and nothing is left behind.
@Suite(.virtualTime) struct ConvenienceCancellationTests {
    /// Runs `body` as a task that is cancelled at a random time, up to three times unless it returns before that, and
    /// then lets it end. A wait that is forgotten is therefore a deadlock.
    private func persistently<T>(_ body: @escaping () async throws -> T) async throws -> T {
        for _ in 0..<Int.random(in: 0...3) {
            let task = createTask { try await body() }
            for _ in 0..<Int.random(in: 0...4) where !task.isDone {
                try await sleep(.milliseconds(Int.random(in: 0...1)))
            }
            task.cancel()
            do { return try await task.value } catch is CancellationError { try await sleep(.zero) }
        }
        return try await body()
    }

    // MARK: Locks and limits

    @Test(.seeds(100)) func locksThatAreTakenTogether() async throws {
        let locks = (0..<3).map { _ in Lock() }
        var (holders, done) = ([0, 0, 0], 0)
        try await gather(0..<5) { number in
            for _ in 0..<3 {
                try await persistently {
                    let (first, second) = (number % 3, (number + 1) % 3)
                    try await withLocks(locks[first], locks[second]) {
                        for index in [first, second] { holders[index] += 1 }
                        defer { for index in [first, second] { holders[index] -= 1 } }
                        #expect(holders[first] == 1 && holders[second] == 1)
                        try await sleep(.milliseconds(1))
                    }
                }
                done += 1
            }
        }
        #expect(done == 15 && locks.allSatisfy { !$0.isLocked })
    }

    @Test(.seeds(100)) func readersAndWriters() async throws {
        let lock = ReadWriteLock()
        var (readers, writers, done) = (0, 0, 0)
        try await gather(0..<6) { number in
            for _ in 0..<3 {
                if number < 2 {
                    try await persistently {
                        try await lock.withWriteLock {
                            writers += 1
                            defer { writers -= 1 }
                            #expect(writers == 1 && readers == 0)
                            try await sleep(.zero)
                        }
                    }
                } else {
                    try await persistently {
                        try await lock.withReadLock {
                            readers += 1
                            defer { readers -= 1 }
                            #expect(writers == 0)
                            try await sleep(.zero)
                        }
                    }
                }
                done += 1
            }
        }
        #expect(done == 18 && lock.readerCount == 0 && !lock.isWriteLocked)
    }

    @Test(.seeds(100)) func slotsOfALimiter() async throws {
        let limiter = CapacityLimiter(2)
        var done = 0
        try await gather(0..<6) { _ in
            for _ in 0..<3 {
                try await persistently {
                    try await limiter.withLock {
                        #expect(limiter.used <= 2)
                        try await sleep(.zero)
                    }
                }
                done += 1
            }
        }
        #expect(done == 18 && limiter.used == 0)
        #expect(limiter.acquireNoWait() && limiter.acquireNoWait() && !limiter.acquireNoWait())
    }

    @Test(.seeds(100)) func permitsOfARateLimiter() async throws {
        let limiter = RateLimiter(1, per: .milliseconds(1), burst: 1)
        let loop = try EventLoop.running
        var times: [ContinuousClock.Instant] = []
        try await gather(0..<5) { _ in
            for _ in 0..<3 {
                try await persistently {
                    try await limiter.acquire()
                    times.append(loop.now)
                }
            }
        }
        #expect(times.count == 15)
        #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 >= .milliseconds(1) })
        try await sleep(.milliseconds(1))
        #expect(limiter.available == 1)
    }

    @Test(.seeds(100)) func connectionsOfAPool() async throws {
        var (opened, closed, most): (Int, Set<Int>, Int) = (0, [], 0)
        let pool = ConnectionPool(size: 2) {
            try await sleep(.milliseconds(Int.random(in: 0...1)))
            opened += 1
            most = max(most, opened - closed.count)
            return opened
        } close: {
            #expect(closed.insert($0).inserted)
        } check: { _ in
            try await sleep(.milliseconds(Int.random(in: 0...1)))
            return Int.random(in: 0...3) > 0
        }
        var using: Set<Int> = []
        try await gather(0..<6) { _ in
            for _ in 0..<3 {
                try await persistently {
                    try await pool.withConnection { connection in
                        #expect(using.insert(connection).inserted && !closed.contains(connection))
                        defer { using.remove(connection) }
                        try await sleep(.zero)
                    }
                }
            }
        }
        #expect(most <= 2 && pool.usedCount == 0)
        #expect(opened - closed.count == pool.idleCount)
        pool.close()
        #expect(opened == closed.count)
    }

    // MARK: Channels

    @Test(.seeds(100), arguments: [1, 3]) func elementsOfABroadcast(capacity: Int) async throws {
        let channel = Broadcast<Int>(capacity: capacity, lag: .wait)
        let receiving = (0..<3).map { _ in
            let subscription = channel.subscribe()
            return createTask {
                var received: [Int] = []
                while let element = try await persistently({ try await subscription.next() }) {
                    received.append(element)
                }
                return received
            }
        }
        try await gather(0..<3) { index in
            for number in 0..<5 { try await persistently { try await channel.send(10 * index + number) } }
        }
        channel.close()
        let all = try await gather(receiving)
        #expect(all[0] == all[1] && all[1] == all[2] && all[0].count == 15)
        for index in 0..<3 { #expect(all[0].filter { $0 / 10 == index } == (0..<5).map { 10 * index + $0 }) }
    }

    @Test(.seeds(100), arguments: [0, 1, 3]) func elementsOfAMemoryObjectStream(capacity: Int) async throws {
        let (sender, receiver) = memoryObjectStream(of: Int.self, capacity: capacity)
        let (others, stop) = (Queue<Int>(), Event())
        var received: [Int] = []
        let receiving = (0..<3).map { number in
            createTask {
                while true {
                    let element = try await persistently {
                        number == 0
                            ? try await receiver.receive()
                            : try await select(.receive(from: receiver) { $0 }, .get(from: others) { $0 })
                    }
                    guard let element else { return }
                    received.append(element)
                }
            }
        }
        try await gather(0..<3) { index in
            for number in 0..<5 { try await persistently { try await sender.send(10 * index + number) } }
        }
        for number in 30..<33 { try await others.put(number) }
        while !others.isEmpty { try await sleep(.milliseconds(1)) }
        sender.close()
        stop.set()
        try await gather(receiving)
        #expect(received.sorted() == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24, 30, 31, 32])
    }

    @Test(.seeds(100)) func changesOfALatestValue() async throws {
        let latest = LatestValue(0)
        let observing = (0..<3).map { _ in
            let changes = latest.changes.makeAsyncIterator()
            return createTask {
                var seen: [Int] = []
                while let value = try await persistently({ try await changes.next() }) { seen.append(value) }
                return seen
            }
        }
        let waiting = createTask { try await persistently { try await latest.wait { $0 >= 7 } } }
        for value in 1...10 {
            latest.value = value
            try await sleep(.milliseconds(Int.random(in: 0...1)))
        }
        #expect(try await waiting.value >= 7)
        latest.close()
        for seen in try await gather(observing) { #expect(Set(seen).count == seen.count && seen.last == 10) }
    }

    // MARK: Times

    @Test(.seeds(100)) func ticks() async throws {
        let start = try EventLoop.running.now
        let beats = Cursor(AsyncIO.ticks(every: .milliseconds(2)).makeAsyncIterator())
        for number in 1...10 {
            let tick = try await persistently { try await beats.next() }
            #expect(tick == start + .milliseconds(2 * number))
        }
    }

    @Test(.seeds(100)) func timesOfASchedule() async throws {
        let schedule = try Schedule("* * * * *", zone: .utc)
        let minutes = Cursor(schedule.times.makeAsyncIterator())
        var last = try #require(try await minutes.next())
        for _ in 0..<5 {
            // Until a moment before the time. The last one may have been returned a moment late.
            try await sleep(.seconds(60) - .milliseconds(Int.random(in: 4...8)))
            let time = try #require(try await persistently { try await minutes.next() })
            #expect(time == last + .seconds(60))
            last = time
        }
        // Times that pass without a wait are skipped.
        try await sleep(.seconds(150))
        #expect(try await minutes.next() == last + .seconds(180))
    }

    @Test(.seeds(100)) func restartsOfASupervisor() async throws {
        var running: [String: Int] = [:]
        let names = ["a", "b", "c"]
        let supervisor = Supervisor()
        for name in names {
            supervisor.add(name) {
                running[name, default: 0] += 1
                #expect(running[name] == 1)
                defer { running[name, default: 0] -= 1 }
                do { try await sleep(.seconds(3_600)) } catch {
                    try await sleep(.milliseconds(Int.random(in: 0...1)))
                    throw error
                }
            }
        }
        let whole = createTask { try await supervisor.run() }
        try await sleep(.zero)
        try await gather(0..<3) { number in
            for _ in 0..<3 { _ = try await persistently { try await supervisor.restart(names[number]) } }
        }
        try await settle()
        #expect(names.allSatisfy { running[$0] == 1 } && supervisor.names == names)
        _ = try? await persistently { try await supervisor.remove("b") }
        try await sleep(.milliseconds(5))
        #expect(running["b"] == 0 && running["a"] == 1 && supervisor.names == ["a", "c"])
        whole.cancel()
        await #expect(throws: CancellationError.self) { try await whole.value }
        #expect(running.values.allSatisfy { $0 == 0 })
    }

    @Test(.seeds(100)) func connectionsThatAreOpenedAgain() async throws {
        var (opened, closed) = (0, 0)
        for _ in 0..<5 {
            try await persistently {
                try await withReconnection(backoff: Backoff(initial: .milliseconds(1))) {
                    if Int.random(in: 0...1) == 0 { try await sleep(.milliseconds(1)) }
                    if Int.random(in: 0...2) == 0 { throw OSError(.connectionRefused, "connecting") }
                    opened += 1
                } body: { _ in
                    defer { closed += 1 }
                    try await sleep(.zero)
                    if Int.random(in: 0...1) == 0 { throw OSError(.connectionReset, "reading") }
                }
            }
        }
        #expect(opened == closed && opened >= 5)
    }

    // MARK: Bytes

    /// Feeds a reader in random pieces.
    private func feed(_ bytes: [UInt8], to reader: StreamReader) -> AsyncTask<Void> {
        createTask {
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(Int.random(in: 1...7))
                rest = rest.dropFirst(piece.count)
                try reader.feed(Array(piece))
                try await sleep(.milliseconds(Int.random(in: 0...1)))
            }
            reader.feedEOF()
        }
    }

    @Test(.seeds(100)) func framesAndIntegers() async throws {
        let codec = LengthPrefixedCodec(length: UInt16.self, maxLength: 100)
        let frames = (0..<6).map { [UInt8](repeating: UInt8($0), count: 3 * $0) }
        var reader = StreamReader()
        var feeding = feed(try frames.flatMap { try codec.encode($0) }, to: reader)
        var received: [[UInt8]] = []
        while let frame = try await persistently({ try await codec.read(from: reader) }) { received.append(frame) }
        #expect(received == frames)
        try await feeding.value

        let lines = ["", "one", "two and three", "a longer line", "last"]
        reader = StreamReader()
        feeding = feed(Array(lines.joined(separator: "\r\n").utf8), to: reader)
        var texts: [String] = []
        while let line = try await persistently({ try await LineCodec().read(from: reader) }) { texts.append(line) }
        #expect(texts == lines)
        try await feeding.value

        reader = StreamReader()
        feeding = feed((0..<40).map { UInt8($0) }, to: reader)
        for index in 0..<10 {
            let first = try await persistently { try await reader.peek(4) }
            let number = try await persistently { try await reader.readInteger(as: UInt32.self) }
            #expect(first == (0..<4).map { UInt8(4 * index + $0) })
            #expect(number == first.reduce(0) { $0 << 8 | UInt32($1) })
        }
        try await feeding.value
    }

    @Test(.seeds(50)) func bytesThatAreCopied() async throws {
        let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let (source, from) = try memoryStreamPair()
        let (to, sink) = try memoryStreamPair()
        defer { for end in [source, from, to, sink] { end.writer.close() } }
        let sending = createTask {
            for start in stride(from: 0, to: bytes.count, by: 9_973) {
                try await source.writer.write(Array(bytes[start..<min(bytes.count, start + 9_973)]))
                try await sleep(.milliseconds(Int.random(in: 0...1)))
            }
            try source.writer.writeEOF()
        }
        let receiving = createTask {
            var received: [UInt8] = []
            while case let piece = try await sink.reader.read(20_000), !piece.isEmpty {
                received += piece
                try await sleep(.milliseconds(Int.random(in: 0...1)))
            }
            return received
        }
        _ = try await persistently { try await copy(from: from.reader, to: to.writer, chunkSize: 3_001) }
        try to.writer.writeEOF()
        #expect(try await receiving.value == bytes)
        try await sending.value
    }

    @Test(.seeds(50)) func messagesOfACorkedWriter() async throws {
        let (ours, theirs) = try memoryStreamPair()
        defer { for end in [ours, theirs] { end.writer.close() } }
        let sending = createTask {
            for number in 0..<8 {
                try await persistently {
                    try await ours.writer.corked { message in
                        message.writeInteger(UInt16(20_000))
                        try await sleep(.milliseconds(Int.random(in: 0...1)))
                        message.write([UInt8](repeating: UInt8(number), count: 20_000))
                    }
                }
            }
            try ours.writer.writeEOF()
        }
        var numbers: [UInt8] = []
        for try await message in theirs.reader.frames(LengthPrefixedCodec(length: UInt16.self, maxLength: 20_000)) {
            #expect(Set(message).count == 1)
            numbers.append(message[0])
            try await sleep(.milliseconds(Int.random(in: 0...1)))
        }
        // A message whose wait was cancelled was sent nevertheless.
        #expect(Set(numbers) == Set(0..<8) && numbers == numbers.sorted())
        try await sending.value
    }
}

/// An iterator that several calls share.
private final class Cursor<Iterator: AsyncIteratorProtocol> {
    private var iterator: Iterator
    init(_ iterator: Iterator) { self.iterator = iterator }
    func next() async throws -> Iterator.Element? {
        var copy = iterator
        defer { iterator = copy }
        return try await copy.next(isolation: #isolation)
    }
}
