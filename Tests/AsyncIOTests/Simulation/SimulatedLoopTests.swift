import AsyncIO
import AsyncIOTesting
import Foundation
import Testing

private actor Shard {
    nonisolated let io: EventLoopThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { io.unownedExecutor }
    private let queue = Queue<Int>()
    private(set) var calls = 0

    init(on io: EventLoopThread) { self.io = io }

    func put(_ number: Int) async throws { try await queue.put(number) }
    func get() async throws -> Int { try await queue.get() }
    func call() async throws {
        let before = calls
        try await sleep(.milliseconds(1))
        calls = before + 1
    }
    func nextCall() { calls += 1 }
}

private nonisolated func block(for seconds: Double) { Thread.sleep(forTimeInterval: seconds) }

/// The number of descriptors that this process has open.
private func openDescriptors() throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
}

@Suite("Loops with their own threads in a simulation", .simulation) struct SimulatedLoopTests {
    @Test("they run on the thread of the simulation, in its virtual time") func time() async throws {
        let outer = try EventLoop.running
        let thread = pthread_self()
        let start = outer.now
        let io = try EventLoopThread(name: "io")
        let elapsed = try await io.run { io in
            #expect(EventLoop.current === io.loop && io.loop !== outer)
            #expect(pthread_equal(pthread_self(), thread) != 0)
            #expect(io.loop.name == "io" && currentTask() != nil)
            let clock = ContinuousClock()
            let start = (clock.now, Date(), io.loop.now)
            try await sleep(.seconds(3_600))
            try await Task.sleep(for: .seconds(1_800))
            #expect(start.0.duration(to: clock.now) == .seconds(5_400))
            #expect(abs(Date().timeIntervalSince(start.1) - 5_400) < 0.001)
            return start.2.duration(to: io.loop.now)
        }
        #expect(elapsed == .seconds(5_400))
        #expect(start.duration(to: outer.now) == .seconds(5_400))
        try await io.shutDown()
        await #expect(throws: RuntimeError.self) { try await io.run { _ in } }
    }

    @Test("blocking a loop's thread lets time pass for all loops") func blocking() async throws {
        let net = try Network.current
        let outer = try EventLoop.running
        let start = outer.now
        let ios = try [EventLoopThread(), EventLoopThread()]
        try await ios[0].run { _ in block(for: 5) }
        let now = try await ios[1].run { io in io.loop.now }
        #expect(start.duration(to: now) == .seconds(5) && outer.now == now)
        for io in ios { try await io.shutDown() }
        net.assertNoLeaks()
    }

    @Test("actors, mailboxes, threads, and files work on them") func everything() async throws {
        let net = try Network.current
        try await withEventLoopThreads(count: 3) { io, index in
            let shard = Shard(on: io)
            async let received = shard.get()
            try await shard.put(index)
            #expect(try await received == index)
            #expect(try await toThread { index * 2 } == index * 2)
            try await writeFile("file-\(index)", "text \(index)")
            #expect(try await readText("file-\(index)") == "text \(index)")
            try await settled()
            let values = try await withTimeout(.seconds(60)) {
                try await gather({ try await sleep(.seconds(1)) }, { index + 1 })
            }
            #expect(values.1 == index + 1)
        }
        let mailbox = Mailbox<Int>(maxSize: 2)
        let consumer = try EventLoopThread(name: "consumer")
        let sum = consumer.submit { _ in
            var sum = 0
            for try await number in mailbox { sum += number }
            return sum
        }
        try await withEventLoopThreads(count: 2) { _, index in
            for number in 0..<100 { try await mailbox.put(index * 100 + number) }
        }
        mailbox.shutdown()
        #expect(try await sum.value == (0..<200).reduce(0, +))
        try await consumer.shutDown()
        net.assertNoLeaks()
    }

    @Test("a server on several loops serves all of its clients") func server() async throws {
        let net = try Network.current
        let host = try net.host("server") {
            let server = try await startMultiLoopServer(port: 7_000, loops: 3) { io, reader, writer in
                for try await line in reader.lines { try await writer.write("\(io.loop.name): \(line)\n") }
            }
            #expect(server.port == 7_000)
            try await sleep(.seconds(60))
            #expect(try await server.connectionCounts() == [0, 0, 0])
            try await server.shutdown(within: .seconds(1))
        }
        try await sleep(.seconds(1))
        var names: Set<String> = []
        try await withAsyncTaskGroup { group in
            for number in 0..<30 {
                try group.createTask {
                    let (reader, writer) = try await openConnection(host: "server", port: 7_000)
                    try await writer.write("\(number)\n")
                    let answer = try #require(try await reader.readTextLine())
                    #expect(answer.hasSuffix(": \(number)"))
                    names.insert(String(answer.prefix { $0 != ":" }))
                    writer.close()
                    try await writer.waitClosed()
                }
            }
        }
        #expect(names == ["server-0", "server-1", "server-2"])
        try await sleep(.seconds(100))
        #expect(!host.isRunning)
        net.assertNoLeaks()
    }

    @Test("signals reach a server on several loops") func signals() async throws {
        let net = try Network.current
        // No other test uses this signal.
        let signal = ProcessSignal(rawValue: 44)
        let host = try net.host("server") {
            let server = try await startMultiLoopServer(port: 7_000, loops: 2) { _, reader, _ in
                _ = try await reader.readToEnd()
            }
            let aborted = try await server.serve(until: signal, grace: .seconds(5))
            #expect(aborted == 1)
        }
        try await sleep(.seconds(1))
        let (reader, writer) = try await openConnection(host: "server", port: 7_000)
        try await sleep(.seconds(1))
        // Unlike kill(2), this signals the calling thread. With ThreadSanitizer, a thread that waits in a system call may
        // not handle a signal in time.
        raise(signal.rawValue)
        // The server aborts the connection when the grace period is over.
        #expect(try await reader.readToEnd().isEmpty)
        writer.close()
        try await sleep(.seconds(10))
        #expect(!host.isRunning)
        net.assertNoLeaks()
    }

    @Test("two servers cannot use one port unless both ask for that") func sharedPort() async throws {
        var options = Server.Options()
        let first = try await startServer(port: 7_000) { _, _ in }
        options.reusePort = true
        await #expect(throws: OSError.self) { _ = try await startServer(port: 7_000, options: options) { _, _ in } }
        first.close()
        try await first.waitClosed()
        let shared = try await startServer(port: 7_000, options: options) { _, _ in }
        let other = try await startServer(port: 7_000, options: options) { _, _ in }
        for server in [shared, other] {
            server.close()
            try await server.waitClosed()
        }
        try Network.current.assertNoLeaks()
    }

    @Test("datagrams and Unix sockets arrive at the loop that has the socket") func otherSockets() async throws {
        let net = try Network.current
        try await withEventLoopThreads(count: 2) { io, index in
            if index == 0 {
                let socket = try await openDatagramSocket(localAddress: Endpoint(host: "127.0.0.1", port: 7_000))
                let (bytes, sender) = try await socket.receive()
                #expect(EventLoop.current === io.loop)
                try await socket.send(bytes + bytes, to: sender)
                socket.close()
            } else {
                try await sleep(.seconds(1))
                let socket = try await openDatagramSocket(remoteAddress: Endpoint(host: "127.0.0.1", port: 7_000))
                try await socket.send([1, 2])
                #expect(try await socket.receive().bytes == [1, 2, 1, 2])
                #expect(EventLoop.current === io.loop)
                socket.close()
            }
        }
        net.assertNoLeaks()
    }

    @Test("shutting a loop down cancels its tasks and waits for them") func shutDown() async throws {
        let io = try EventLoopThread()
        let log = Mailbox<String>()
        io.submit { _ in
            do { try await sleep(.seconds(3_600)) } catch {
                try? await withCleanup(timeout: nil) { try await sleep(.seconds(2)) }
                try log.putNoWait("cleaned up")
                throw error
            }
        }
        try await sleep(.seconds(1))
        let start = try EventLoop.running.now
        try await io.shutDown()
        #expect(try log.getNoWait() == "cleaned up")
        #expect(start.duration(to: try EventLoop.running.now) >= .seconds(2))
        #expect(io.isShutDown)
    }

    @Test("a task that ignores its cancellation is left after the limit") func limit() async throws {
        let io = try EventLoopThread()
        try await io.run { io in io.loop.setExceptionHandler { _ in } }
        io.submit { _ in
            while true { try? await sleep(.seconds(1)) }
        }
        try await sleep(.seconds(1))
        let start = try EventLoop.running.now
        await #expect(throws: TimeoutError.self) { try await io.shutDown(within: .seconds(30)) }
        #expect(start.duration(to: try EventLoop.running.now) == .seconds(30))
    }

    @Test("an actor can be called after its loop has ended") func late() async throws {
        let io = try EventLoopThread()
        let shard = Shard(on: io)
        try await io.shutDown()
        await shard.nextCall()
        #expect(await shard.calls == 1)
        await #expect(throws: RuntimeError.self) { try await shard.call() }
    }

    @Test("blocking calls are refused") func refused() async throws {
        let io = try EventLoopThread()
        #expect(throws: RuntimeError.self) { try io.wait { _ in } }
        #expect(throws: RuntimeError.self) { try io.close() }
        try await io.shutDown()
    }

    @Test("the first error cancels the bodies on the other loops") func firstError() async throws {
        struct Failure: Error {}
        let start = try EventLoop.running.now
        await #expect(throws: Failure.self) {
            try await withEventLoopThreads(count: 3) { _, index in
                try await sleep(.seconds(index == 1 ? 5 : 3_600))
                throw Failure()
            }
        }
        #expect(start.duration(to: try EventLoop.running.now) == .seconds(5))
        try Network.current.assertNoLeaks()
    }

    @Test("the loops of a killed program never continue, and keep no descriptors") func killed() async throws {
        let net = try Network.current
        let log = Mailbox<String>()
        var before = 0
        for attempt in 0..<20 {
            if attempt == 1 { before = try openDescriptors() }
            let host = try net.host("host-\(attempt)") {
                try await withEventLoopThreads(count: 2) { io, _ in
                    defer { try? log.putNoWait("clean-up") }
                    let server = try await startServer(port: 0) { reader, _ in
                        _ = try await reader.readToEnd()
                        try log.putNoWait("handler")
                    }
                    let (reader, _) = try await openConnection(host: "localhost", port: server.port)
                    _ = try io.loop.callLater(.seconds(10)) { try log.putNoWait("callback") }
                    _ = try await reader.readToEnd()
                    try log.putNoWait("body")
                }
            }
            try await sleep(.seconds(1))
            try await net.crash(host, by: attempt % 2 == 0 ? .kill : .powerFailure)
            try await sleep(.seconds(100))
            #expect(!host.isRunning)
        }
        #expect(log.isEmpty)
        #expect(try openDescriptors() <= before)
        net.assertNoLeaks()
    }

    @Test("a program that is cancelled shuts its loops down") func cancelled() async throws {
        let net = try Network.current
        let log = Mailbox<Int>()
        let host = try net.host("a") {
            try await withEventLoopThreads(count: 2) { _, index in
                defer { try? log.putNoWait(index) }
                try await sleep(.seconds(3_600))
            }
        }
        try await sleep(.seconds(1))
        try await net.crash(host, by: .cancellation)
        #expect(Set([try log.getNoWait(), try log.getNoWait()]) == [0, 1])
        net.assertNoLeaks()
    }

    @Test("tasks that are submitted to a loop belong to the host, and are cancelled with it") func submitted()
        async throws
    {
        let net = try Network.current
        let log = Mailbox<String>()
        let host = try net.host("a") {
            let io = try EventLoopThread()
            _ = try io.loop.callSoonThreadSafe { try log.putNoWait((try? Host.current.name) ?? "none") }
            let submitted = io.submit { _ in
                try log.putNoWait(try Host.current.name)
                try await sleep(.seconds(1_000))
            }
            do { try await submitted.value } catch { try log.putNoWait("cancelled") }
            try await io.shutDown()
        }
        try await sleep(.seconds(1))
        let start = try EventLoop.running.now
        try await net.crash(host, by: .cancellation)
        #expect(start.duration(to: try EventLoop.running.now) < .seconds(1))
        log.shutdown()
        var lines: [String] = []
        for try await line in log { lines.append(line) }
        #expect(lines.sorted() == ["a", "a", "cancelled"])
        net.assertNoLeaks()
    }

    @Test("code of other hosts does not wait for a loop whose program was killed") func usedByOthers() async throws {
        let net = try Network.current
        var shards: [Shard] = []
        let host = try net.host("a") {
            shards.append(Shard(on: try EventLoopThread(name: "io")))
            try await sleep(.seconds(1_000))
        }
        try await sleep(.seconds(1))
        let shard = shards[0]
        #expect(Watchdog.shared.isWatching(shard.io.loop))
        try await net.crash(host)
        #expect(!Watchdog.shared.isWatching(shard.io.loop))
        await shard.nextCall()
        #expect(await shard.calls == 1)
        await #expect(throws: RuntimeError.self) { try await shard.io.shutDown() }
        await #expect(throws: RuntimeError.self) { try await shard.io.run { _ in } }
    }

    @Test("a program can kill its host from a loop of its own, and starts again with new loops")
    func killsItself() async throws {
        let net = try Network.current
        let log = Mailbox<Int>()
        var starts = 0
        let host = try net.host("a") {
            starts += 1
            let start = starts
            let io = try EventLoopThread()
            try await io.run { _ in
                try log.putNoWait(start)
                if start == 1 {
                    try await Network.current.crash(.current)
                    Issue.record("a program that was killed continues")
                }
                try await sleep(.seconds(5))
            }
            try await io.shutDown()
        }
        try await sleep(.seconds(1))
        #expect(!host.isRunning)
        try await net.restart(host)
        try await sleep(.seconds(10))
        #expect(!host.isRunning && starts == 2)
        #expect(try [log.getNoWait(), log.getNoWait()] == [1, 2])
        net.assertNoLeaks()
    }

    @Test("pausing a host stops its loops") func paused() async throws {
        let net = try Network.current
        let ticks = Mailbox<Int>()
        let host = try net.host("a") {
            let io = try EventLoopThread()
            try await io.run { io in
                _ = try io.loop.callLater(.milliseconds(2_500)) { try ticks.putNoWait(-1) }
                for tick in 0..<10 {
                    try await sleep(.seconds(1))
                    try ticks.putNoWait(tick)
                }
            }
            try await io.shutDown()
        }
        try await sleep(.milliseconds(1_500))
        net.pause(host)
        try await sleep(.seconds(1_000))
        #expect(ticks.count <= 2)
        net.resume(host)
        try await sleep(.seconds(20))
        #expect(ticks.count == 11 && !host.isRunning)
        net.assertNoLeaks()
    }

    @Test("a host's wall clock is that of its loops") func wallClock() async throws {
        let net = try Network.current
        let dates = Mailbox<Date>()
        let host = try net.host("a") {
            let io = try EventLoopThread()
            try await io.run { _ in
                try await sleep(.seconds(1))
                try dates.putNoWait(Date())
            }
            try await io.shutDown()
        }
        host.clockOffset = .seconds(86_400)
        try await sleep(.seconds(1))
        let date = try await dates.get()
        #expect(abs(date.timeIntervalSinceNow - 86_400) < 1)
    }

    @Test("hosts are created by the test's own loop") func hostOnALoop() async throws {
        let io = try EventLoopThread()
        await #expect(throws: ValueError.self) {
            try await io.run { _ in _ = try Network.current.host("a") {} }
        }
        try await io.shutDown()
    }

    @Test("a loop that runs is a leak") func leaks() async throws {
        let net = try Network.current
        let io = try EventLoopThread(name: "io")
        try await io.run { _ in }
        #expect(net.leaks == ["test: EventLoopThread \"io\" is running"])
        try await io.shutDown()
        net.assertNoLeaks()
    }
}

@Suite("Seeds and loops with their own threads") struct SimulatedLoopSeedTests {
    /// Lets two loops change one number, each by reading it and writing it later.
    @MainActor private static func lostUpdates(_ net: Network) async throws -> Int {
        let io = try EventLoopThread()
        let shard = Shard(on: io)
        try await withEventLoopThreads(count: 2) { _, _ in
            for _ in 0..<3 {
                try await shard.call()
                try await sleep(Network.current.random(in: .zero ... .milliseconds(3)))
            }
        }
        let calls = await shard.calls
        try await io.shutDown()
        net.note("\(calls) calls")
        return 6 - calls
    }

    @Test("a seed gives the same run each time, and others give other runs") func deterministic() throws {
        var outcomes: Set<Int> = []
        var digests: Set<UInt64> = []
        for seed in 0..<30 as Range<UInt64> {
            let runs = try (0..<3).map { _ in
                try simulate(seed: seed) { net in (try await Self.lostUpdates(net), net.traceDigest) }
            }
            #expect(runs.allSatisfy { $0 == runs[0] })
            outcomes.insert(runs[0].0)
            digests.insert(runs[0].1)
        }
        #expect(outcomes.count > 1 && digests.count > 1)
    }

    @Test("the steps of two loops mix in many orders") func mixes() throws {
        var orders: Set<[Int]> = []
        for seed in 0..<40 as Range<UInt64> {
            let order = try simulate(seed: seed) { _ in
                let steps = Mailbox<Int>()
                try await withEventLoopThreads(count: 2) { _, index in
                    try await withAsyncTaskGroup { group in
                        for _ in 0..<3 { try group.createTask { try steps.putNoWait(index) } }
                    }
                }
                steps.shutdown()
                var order: [Int] = []
                for try await step in steps { order.append(step) }
                return order
            }
            #expect(order.sorted() == [0, 0, 0, 1, 1, 1])
            orders.insert(order)
        }
        // Of 20 orders.
        #expect(orders.count >= 8)
    }

    @Test("the trace of servers and clients on several loops is determined by the seed") func traces() throws {
        func run(_ seed: UInt64) throws -> UInt64 {
            try simulate(seed: seed) { net in
                net.links.latency = .milliseconds(1)...(.milliseconds(20))
                try net.host("server") {
                    let server = try await startMultiLoopServer(port: 7, loops: 2) { _, reader, writer in
                        for try await line in reader.lines { try await writer.write(line + "\n") }
                    }
                    try await sleep(.seconds(30))
                    try await server.shutdown(within: .seconds(1))
                }
                let clients = try net.host("client", count: 2) {
                    try await sleep(.seconds(1))
                    try await withEventLoopThreads(count: 2) { _, index in
                        let (reader, writer) = try await openConnection(host: "server", port: 7)
                        for number in 0..<5 {
                            try await writer.write("\(index) \(number)\n")
                            #expect(try await reader.readTextLine() == "\(index) \(number)")
                        }
                        writer.close()
                        try await writer.waitClosed()
                    }
                }
                try await sleep(.seconds(60))
                #expect(clients.allSatisfy { !$0.isRunning })
                net.assertNoLeaks()
                return net.traceDigest
            }
        }
        for seed in 0..<5 as Range<UInt64> { #expect(try Set((0..<5).map { _ in try run(seed) }).count == 1) }
    }

    @Test("TLS works on several loops", .requires(.tls)) func tls() throws {
        // Made in real time.
        let client = try clientContext()
        let pair = Certificates.localhost
        try simulate { net in
            let server = try await startMultiLoopServer(
                port: 7_000, loops: 2, tls: .server(certificate: pair.certificate, key: pair.key)
            ) { io, reader, writer in
                #expect(EventLoop.current === io.loop)
                try await writer.write(reader.readTextLine() ?? "")
            }
            for _ in 0..<10 {
                let (reader, writer) = try await openConnection(host: "localhost", port: 7_000, tls: client)
                try await writer.write("hello\n")
                #expect(try await reader.readText() == "hello")
                writer.close()
                try await writer.waitClosed()
            }
            try await server.shutdown(within: .seconds(1))
            net.assertNoLeaks()
        }
    }

    @Test("a deadlock across loops is reported with the tasks of all loops") func deadlock() throws {
        do {
            try simulate { _ in
                let io = try EventLoopThread(name: "io")
                try await io.run(name: "stuck") { _ in try await Queue<Int>().get() }
            }
            Issue.record("a deadlock ended without an error")
        } catch let error as DeadlockError {
            #expect(error.waiting.contains { $0.contains("\"stuck\" on loop \"io\" waits for Queue.get()") })
        }
    }

    @Test("a loop that is left at the end of a simulation is reported") func left() throws {
        var messages: [String] = []
        var left: [EventLoopThread] = []
        try simulate { _ in
            try EventLoop.running.setExceptionHandler { messages.append($0.message) }
            let io = try EventLoopThread(name: "io")
            try await io.run { _ in }
            left.append(io)
        }
        #expect(messages == ["EventLoopThread \"io\" was not shut down"])
    }

    @Test("a loop that is released is reported and ended") func released() throws {
        var messages: [String] = []
        try simulate { _ in
            try EventLoop.running.setExceptionHandler { messages.append($0.message) }
            try await EventLoopThread(name: "io").run { _ in }
        }
        #expect(messages == ["EventLoopThread \"io\" was released without shutDown(within:)"])
    }
}
