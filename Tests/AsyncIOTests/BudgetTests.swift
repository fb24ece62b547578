import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

/// Reads and writes that need not wait still yield from time to time.
///
/// No test here reads a clock. A second task counts the turns that it gets meanwhile.
@Suite(.virtualTime) struct BudgetTests {
    /// The number of turns that another task gets while `body` runs.
    private func turnsOfOthers(during body: () async throws -> Void) async throws -> Int {
        var turns = 0
        let other = createTask {
            while true {
                try await sleep(.zero)
                turns += 1
            }
        }
        // It has started.
        try await sleep(.zero)
        try await sleep(.zero)
        turns = 0
        try await body()
        let counted = turns
        other.cancel()
        return counted
    }

    private func reader(_ bytes: [UInt8]) throws -> StreamReader {
        let reader = StreamReader()
        try reader.feed(bytes)
        reader.feedEOF()
        return reader
    }

    private static let emptyLines = [UInt8](repeating: 0x0A, count: 20_000)

    /// The ways to read a byte of a reader.
    enum Way: CaseIterable, Sendable {
        case read, readInto, readExactly, readUntil, readUntilAny, readLine, lines, linesOfAGenerator
    }

    @Test(arguments: Way.allCases)
    func readsThatABufferAnswersGiveWay(way: Way) async throws {
        let reader = try reader(Self.emptyLines)
        var count = 0
        let turns = try await turnsOfOthers {
            switch way {
            case .read: while try await !reader.read(1).isEmpty { count += 1 }
            case .readInto:
                var memory: [UInt8] = [0]
                while true {
                    var span = memory.mutableSpan
                    var bytes = span.mutableBytes
                    if try await reader.read(into: &bytes) == 0 { break }
                    count += 1
                }
            case .readExactly:
                while !reader.isAtEOF {
                    _ = try await reader.readExactly(1)
                    count += 1
                }
            case .readUntil:
                while !reader.isAtEOF {
                    _ = try await reader.readUntil([0x0A])
                    count += 1
                }
            case .readUntilAny:
                while !reader.isAtEOF {
                    _ = try await reader.readUntil(anyOf: [[0x0A], [0x0D, 0x0A]])
                    count += 1
                }
            case .readLine: while try await !reader.readLine().isEmpty { count += 1 }
            case .lines: for try await _ in reader.lines { count += 1 }
            case .linesOfAGenerator:
                let generator = AsyncGenerator<String> { yield in
                    for try await line in reader.lines { try await yield(line) }
                }
                for try await _ in generator { count += 1 }
            }
        }
        #expect(count == Self.emptyLines.count)
        // Often enough, but not more often than necessary.
        #expect((20...200).contains(turns), "\(turns) turns")
    }

    @Test func whoReadsALittleDoesNotGiveWay() async throws {
        let reader = try reader(Self.emptyLines)
        let turns = try await turnsOfOthers { for _ in 0..<50 { _ = try await reader.readLine() } }
        #expect(turns == 0)
    }

    @Test func whoWaitsMeanwhileBeginsAnew() async throws {
        let reader = try reader(Self.emptyLines)
        let loop = try EventLoop.running
        for _ in 0..<40 {
            let before = loop.turns
            for _ in 0..<50 { _ = try await reader.readLine() }
            #expect(loop.turns == before)
            try await sleep(.zero)
        }
    }

    @Test func manyFastReadersShareATurn() async throws {
        let readers = try (0..<30).map { _ in try reader(Self.emptyLines) }
        var read = 0
        let tasks = readers.map { reader in
            createTask { while try await !reader.readLine().isEmpty { read += 1 } }
        }
        var most = 0
        var (before, turns) = (0, 0)
        while tasks.contains(where: { !$0.isDone }) {
            try await sleep(.zero)
            most = max(most, read - before)
            before = read
            turns += 1
        }
        #expect(read == 30 * Self.emptyLines.count)
        // Without a budget for the turn, there would be more than 15,000.
        #expect(most < 4_000, "\(most) lines in a turn")
        #expect(turns > 100)
    }

    @Test func aTaskThatIsCancelledWhereItGivesWayLosesNoBytes() async throws {
        let lines = (0..<20_000).map { "line \($0)" }
        let reader = try reader(lines.flatMap { Array("\($0)\n".utf8) })
        var read: [String] = []
        var cancellations = 0
        while read.count < lines.count, cancellations < lines.count {
            let task = createTask { for try await line in reader.lines { read.append(line) } }
            createTask(name: "canceller") { task.cancel() }
            do { try await task.value } catch is CancellationError { cancellations += 1 }
        }
        #expect(cancellations > 10)
        #expect(read == lines)
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func aSeedGivesTheSameOrderEachTime(seed: UInt64) async throws {
        func order() throws -> [Int] {
            try atTopLevel {
                try runInVirtualTime(seed: seed) {
                    var order: [Int] = []
                    try await gather(
                        (0..<3).map { number in
                            let reader = StreamReader()
                            try reader.feed(Self.emptyLines)
                            reader.feedEOF()
                            return createTask {
                                while try await !reader.readLine().isEmpty {
                                    if order.last != number { order.append(number) }
                                }
                            }
                        })
                    return order
                }
            }
        }
        let first = try order()
        #expect(first.count > 20)
        #expect(try order() == first)
    }

    // MARK: Files

    @Test(arguments: FileBackend.available)
    func filesGiveWay(backend: FileBackend) async throws {
        let directory = try Directory()
        let path = try directory.make("lines", Self.emptyLines)
        let file = try await openFile(path)
        var count = 0
        let turns = try await turnsOfOthers { for try await _ in file.lines { count += 1 } }
        #expect(count == Self.emptyLines.count)
        #expect(turns >= 20)
        try await file.close()
    }
}

/// The same tests with descriptors.
@Suite(.eventLoop) struct DescriptorBudgetTests {
    /// The number of turns that the loop makes while `body` runs.
    private func turns(during body: () async throws -> Void) async throws -> UInt64 {
        let loop = try EventLoop.running
        let before = loop.turns
        try await body()
        return loop.turns - before
    }

    private func socketPair(_ type: __socket_type = SOCK_STREAM) throws -> (Int32, Int32) {
        var ends: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(type.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0, &ends) == 0 else {
            throw POSIXError()
        }
        return (ends[0], ends[1])
    }

    /// A peer on a thread of its own that sends lines as fast as it can, until the other end is
    /// closed, or for 30 s.
    private func flood(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFL, 0)
        var timeout = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        onForeignThread {
            let part = [UInt8](repeating: 0x0A, count: 1 << 16)
            let end = ContinuousClock.now + .seconds(30)
            while ContinuousClock.now < end, send(descriptor, part, part.count, Int32(MSG_NOSIGNAL)) > 0 {}
            close(descriptor)
        }
    }

    @Test func aTimeLimitEndsReadingFromAPeerThatNeverStops() async throws {
        let (ours, peer) = try socketPair()
        flood(peer)
        let reader = try openReader(descriptor: ours)
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.milliseconds(50)) { for try await _ in reader.lines {} }
        }
    }

    @Test func aTimeLimitEndsReadingWhatAChildNeverStopsToSay() async throws {
        try await withSubprocess("/bin/sh", arguments: ["-c", "while :; do echo y; done"], stdout: .pipe) { child in
            let output = try #require(child.stdout)
            await #expect(throws: TimeoutError.self) {
                try await withTimeout(.milliseconds(50)) { for try await _ in output.lines {} }
            }
        }
    }

    @Test func othersAreServedWhileOneSendsWithoutEnd() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, writer in
            for try await line in reader.lines where !line.isEmpty { try await writer.write("you said \(line)\n") }
        }
        let port = server.port
        let (ours, peer) = try socketPair()
        flood(peer)
        let reader = try openReader(descriptor: ours)
        let victim = createTask { for try await _ in reader.lines {} }
        let (answers, writer) = try await openConnection(host: "127.0.0.1", port: port)
        for number in 0..<20 {
            try await writer.write("\(number)\n")
            #expect(try await answers.readLine() == Array("you said \(number)\n".utf8))
        }
        #expect(!victim.isDone)
        victim.cancel()
        _ = try? await victim.value
        writer.close()
        server.close()
    }

    @Test func aSignalReachesALoopWhosePeerNeverStops() async throws {
        let (ours, peer) = try socketPair()
        flood(peer)
        let reader = try openReader(descriptor: ours)
        let arrivals = try signals(.user2)
        let reading = createTask { for try await _ in reader.lines {} }
        try await sleep(.zero)
        kill(getpid(), SIGUSR2)
        try await arrivals.next()
        #expect(!reading.isDone)
        reading.cancel()
        _ = try? await reading.value
    }

    @Test func writesThatTheSystemTakesGiveWay() async throws {
        let (ours, peer) = try socketPair()
        defer { close(peer) }
        let writer = try openWriter(descriptor: ours)
        // So that each write is accepted at once, whatever the system's buffers hold.
        var bytes = [UInt8](repeating: 0, count: 4096)
        let turns = try await turns {
            for _ in 0..<3_000 {
                try await writer.write([1])
                _ = recv(peer, &bytes, bytes.count, 0)
            }
        }
        #expect((4...40).contains(turns), "\(turns) turns")
        writer.abort()
    }

    @Test(.requires(.tls)) func linesOfATLSConnectionGiveWay() async throws {
        let lines = [UInt8](repeating: 0x0A, count: 60_000)
        try await withTLSServer(nil, { _, writer in try await writer.write(lines) }) { port in
            let (reader, writer) = try await openConnection(host: "localhost", port: port, tls: clientContext())
            // Most likely, everything has arrived, so that no read waits.
            try await sleep(.milliseconds(20))
            var count = 0
            var others = 0
            let other = createTask {
                while true {
                    try await sleep(.zero)
                    others += 1
                }
            }
            while try await !reader.readLine().isEmpty { count += 1 }
            other.cancel()
            #expect(count == lines.count)
            #expect(others > 80)
            writer.close()
            try await writer.waitClosed()
        }
    }

    @Test func datagramsGiveWay() async throws {
        let receiver = try await openDatagramSocket(localAddress: Endpoint(host: "127.0.0.1", port: 0))
        let sender = try await openDatagramSocket(remoteAddress: receiver.localAddress)
        let turns = try await turns {
            for number in 0..<2_000 {
                try await sender.send("\(number)")
                #expect(try await receiver.receive().bytes == Array("\(number)".utf8))
            }
        }
        #expect(turns >= 7)
        sender.close()
        receiver.close()
    }

    @Test func operationsOnTheCallersSocketsGiveWay() async throws {
        let loop = try EventLoop.running
        let (one, other) = try socketPair()
        defer {
            close(one)
            close(other)
        }
        let turns = try await turns {
            for _ in 0..<2_000 {
                try await loop.sockSendAll(one, [1, 2])
                #expect(try await loop.sockRecv(other, 1) == [1])
                var memory: [UInt8] = [0]
                var span = memory.mutableSpan
                var bytes = span.mutableBytes
                #expect(try await loop.sockRecvInto(other, &bytes) == 1)
            }
        }
        #expect(turns >= 11)
    }
}
