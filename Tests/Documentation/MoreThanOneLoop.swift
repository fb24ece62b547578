// The code of Sources/AsyncIO/AsyncIO.docc/MoreThanOneLoop.md.

import AsyncIO
import AsyncIOTesting
import Foundation
import Testing

nonisolated enum RequestID {
    @TaskLocal static var current = ""
}

actor Shard {
    nonisolated let io: EventLoopThread
    nonisolated var unownedExecutor: UnownedSerialExecutor { io.unownedExecutor }
    private let jobs = Queue<String>()

    init(on io: EventLoopThread) { self.io = io }

    func add(_ job: String) async throws { try await jobs.put(job) }

    func work() async throws {
        for try await job in jobs { print(job) }
    }
}

// Runs on the actor of its caller. Its errors come from the shard's loop.
nonisolated func addTwice(_ job: String, to shard: Shard) async throws {
    for _ in 1...2 { try await shard.add(job) }
}

@globalActor actor Background {
    static let shared = Background()
    nonisolated let io = EventLoopThread.make(name: "network")
    nonisolated var unownedExecutor: UnownedSerialExecutor { io.unownedExecutor }
}

@Background final class Cache {
    private var pages: [String: String] = [:]

    func page(_ path: String) async throws -> String {
        if let page = pages[path] { return page }
        let page = try await readText(path)
        pages[path] = page
        return page
    }
}

@Suite struct MoreThanOneLoop {
    @Test func aLoopOnAThread() async throws {
        let io = try EventLoopThread(name: "io")
        let total = try await io.run { io in
            let queue = Queue<Int>()
            createTask { for number in 1...3 { try await queue.put(number) } }
            var total = 0
            for _ in 1...3 { total += try await queue.get() }
            return total
        }
        try await io.shutDown(within: .seconds(10))
        #expect(total == 6)
    }

    nonisolated static func blocking() throws {
        let io = try EventLoopThread(name: "io")
        let size = try io.wait { _ in try await readText("notes.txt").count }
        try io.close(within: .seconds(10))
        _ = size
    }

    @Test func actorsOnALoop() async throws {
        let io = try EventLoopThread(name: "io")
        let shard = Shard(on: io)
        try await shard.add("job")
        try await addTwice("job", to: shard)
        try await io.shutDown()
        #expect(try await Cache().page("/proc/self/comm").isEmpty == false)
        try await Background.shared.io.shutDown()
    }

    @Test func betweenLoops() async throws {
        let io = try EventLoopThread(name: "io")
        let printed = Mailbox<String>()
        func run(_ print: @escaping @Sendable (String) -> Void) async throws {
            let lines = Mailbox<String>(maxSize: 100)
            let reader = io.submit { _ in
                for try await line in lines { print(line) }
            }
            let thread = Thread {
                try? lines.putBlocking("from a thread")
                lines.shutdown()
            }
            thread.start()
            try await reader.value
        }
        try await run { try? printed.putNoWait($0) }
        #expect(try printed.getNoWait() == "from a thread")
        try await io.shutDown()
    }

    nonisolated static func everyCore() async throws {
        let server = try await startMultiLoopServer(port: 8080) { io, reader, writer in
            for try await line in reader.lines { try await writer.write(line + "\n") }
        }
        try await server.serve(until: .terminate, .interrupt, grace: .seconds(10))
    }

    nonisolated static func busyProcessors() async throws {
        let server = try await startMultiLoopServer(port: 8080, scheduling: .batch) { io, reader, writer in
            for try await line in reader.lines { try await writer.write(line + "\n") }
        }
        try await server.shutdown(within: .seconds(1))
    }

    nonisolated static func shards() async throws {
        try await withEventLoopThreads(count: .perProcessor) { io, index in
            try await Shard(on: io).work()
        }
    }

    @Test func theTrap() async throws {
        let io = try EventLoopThread(name: "io")
        try await io.run { io in
            try await RequestID.$current.withValue("r-1") {
                _ = io
                try await sleep(.milliseconds(1))
            }
        }
        try await io.shutDown()
    }
}
