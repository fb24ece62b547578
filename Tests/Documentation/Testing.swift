// The code of Sources/AsyncIOTesting/AsyncIOTesting.docc.

import AsyncIO
import AsyncIOTesting
import Testing

@Test(.virtualTime) func anHourPasses() async throws {
    try await sleep(.seconds(3600)) // and Task.sleep, and any library's code
}

@Test(.seeds(100)) func noValueIsLost() async throws {
    // runs under 100 random schedules; the seed that fails is named, ASYNCIO_SEED repeats it
}

@Test(.simulation(seeds: 20)) func aClientReachesTheServer() async throws {
    let net = try Network.current
    try net.host("server") {
        let server = try await startServer(port: 7_000) { reader, writer in
            for try await line in reader.lines { try await writer.write(line + "\n") }
        }
        try await server.serveForever()
    }
    try await settled() // the server is listening
    net.links.latency = .milliseconds(5)...(.milliseconds(40))
    let (reader, writer) = try await openConnection(host: "server", port: 7_000)
    try await writer.write("hello\n")
    #expect(try await reader.readTextLine() == "hello")
    writer.close()
}

@Test(.simulation) func whatCanGoWrong() async throws {
    let net = try Network.current
    let db = try net.host("db") { try await sleep(.seconds(1000)) }
    let web = try net.host("web") { try await sleep(.seconds(1000)) }
    net.link(web, db).loss = 0.01
    net.link(from: db, to: web).bandwidth = 1_000_000
    try await net.partition([web], from: [db], for: .seconds(30))
    try await net.crash(db, by: .powerFailure)
    try await net.restart(db)
    net.pause(web)
    net.resume(web)
    web.clockOffset = .seconds(-90)
    db.disk.syncLatency = .seconds(1)...(.seconds(2))
}

private actor Counter {
    nonisolated let io: EventLoopThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { io.unownedExecutor }
    private(set) var visits = 0

    init(on io: EventLoopThread) { self.io = io }

    func visit() async throws {
        try await sleep(.milliseconds(1))
        visits += 1
    }
}

@Test(.simulation(seeds: 50)) func noVisitIsLost() async throws {
    let io = try EventLoopThread(name: "counter")
    let counter = Counter(on: io)
    try await withEventLoopThreads(count: 2) { _, _ in
        for _ in 0..<10 { try await counter.visit() }
    }
    #expect(await counter.visits == 20)
    try await io.shutDown()
}
