import AsyncIO
import AsyncIORedis
import AsyncIOTesting
import Glibc
import Testing

/// The ways to reach a server.
nonisolated enum Way: String, CaseIterable, Sendable {
    case resp3, resp2, unix, tls, user

    @MainActor func configuration(of server: RedisServer) throws -> RedisConfiguration {
        switch self {
        case .resp3: return try RedisConfiguration(url: server.url)
        case .resp2: return try RedisConfiguration(url: server.url + "?protocol=2")
        case .unix: return try RedisConfiguration(url: "unix://\(server.socket)?db=3")
        case .tls:
            var configuration = try RedisConfiguration(url: "rediss://localhost:\(server.tlsPort)/1")
            configuration.tls?.trusted = [.file("\(server.folder)/cert.pem")]
            return configuration
        case .user: return try RedisConfiguration(url: "redis://worker:s%20cret@127.0.0.1:\(server.port)")
        }
    }
}

@Suite(.eventLoop, .requires(.redis, .openssl, .tls), .serialized) struct ClientTests {
    private func withEachWay(_ way: Way, _ body: (RedisClient) async throws -> Void) async throws {
        try await RedisServer.run(withTLS: way == .tls) { server in
            if way == .user {
                _ = try await server.cli("ACL", "SETUSER", "worker", "on", ">s cret", "~*", "&*", "+@all")
            }
            try await withRedis(way.configuration(of: server), body)
        }
    }

    @Test(arguments: Way.allCases) func commandsAreAnswered(way: Way) async throws {
        try await withEachWay(way) { redis in
            try await redis.set("answer", 42)
            #expect(try await redis.get("answer", as: Int.self) == 42)
            #expect(try await redis.get("nothing") == nil)
            let bytes = (0...255).map { UInt8($0) }
            try await redis.set("bytes", bytes)
            #expect(try await redis.get("bytes")?.bytes == bytes)
            #expect(try await redis.send("PING") == .simpleString("PONG"))
            let expected = RedisError("WRONGTYPE Operation against a key holding the wrong kind of value")
            await #expect(throws: expected) { try await redis.send("LPUSH", "answer", 1) }
            #expect(try await redis.hset("hash", ["a": 1, "b": 2.5]) == 2)
            #expect(try await redis.hgetall("hash", as: Double.self) == ["a": 1, "b": 2.5])
            let large = [UInt8](repeating: 7, count: 3_000_000)
            try await redis.set("large", large)
            #expect(try await redis.get("large")?.bytes == large)
            if way == .unix { #expect(try await redis.send("CLIENT", "INFO").string.contains(" db=3 ")) }
            if way == .tls { #expect(try await redis.send("CLIENT", "INFO").string.contains(" db=1 ")) }
            if way == .user { #expect(try await redis.send("ACL", "WHOAMI").string == "worker") }
            let resp = way == .resp2 ? " resp=2" : " resp=3"
            #expect(try await redis.send("CLIENT", "INFO").string.contains(resp))
        }
    }

    @Test func whatTasksSendInOneTurnGoesInOneWrite() async throws {
        try await RedisServer.run { server in
            try await withRedis(server.url) { redis in
                try await redis.ping()
                let before = try await redis.info("stats")
                let values = try await withAsyncTaskGroup { group in
                    let tasks = try (0..<500).map { number in
                        try group.createTask { try await redis.send("ECHO", number).integer }
                    }
                    var values: [Int] = []
                    for task in tasks { values.append(try await task.value) }
                    return values
                }
                #expect(values == Array(0..<500))
                let after = try await redis.info("stats")
                func reads(_ text: String) -> Int {
                    let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("total_reads_processed:") }
                    return Int(line?.split(separator: ":").last ?? "") ?? -1
                }
                // The server reads 16 KiB at once; one read is that of INFO.
                #expect(reads(after) - reads(before) <= 3)
            }
        }
    }

    @Test func scriptsAreLoadedWhenTheServerDoesNotKnowThem() async throws {
        try await RedisServer.run { server in
            try await withRedis(server.url) { redis in
                let script = RedisScript("return {KEYS[1], ARGV[1], #ARGV}")
                for _ in 0..<2 {
                    let reply = try await redis.run(script, keys: ["key"], arguments: [1.5, "two"])
                    let (key, first) = (Array("key".utf8), Array("1.5".utf8))
                    #expect(reply == .array([.bulkString(key), .bulkString(first), .integer(2)]))
                }
                #expect(try await redis.send("SCRIPT", "EXISTS", script.digest).array == [.integer(1)])
                try await redis.flushScripts()
                #expect(try await redis.run(script, keys: ["key"], arguments: [1]).array.count == 3)
            }
        }
    }

    @Test func aCancelledCommandDoesNotPutTheConnectionOutOfStep() async throws {
        try await RedisServer.run { server in
            try await withRedis(server.url) { redis in
                try await redis.ping()
                for round in 0..<200 {
                    let tasks = (0..<10).map { number in createTask { try await redis.send("ECHO", number).integer } }
                    try await sleep(.zero)
                    for number in [1, 4, 9] { tasks[number].cancel() }
                    for (number, task) in tasks.enumerated() {
                        do {
                            #expect(try await task.value == number)
                        } catch is CancellationError {
                            #expect([1, 4, 9].contains(number))
                        }
                    }
                    #expect(try await redis.send("ECHO", round).integer == round)
                }
            }
        }
    }

    @Test func blockingCommandsDoNotStopOthers() async throws {
        try await RedisServer.run { server in
            try await withRedis(server.url) { redis in
                let popped = createTask {
                    try await redis.withConnection { try await $0.blpop("jobs", timeout: .seconds(20))?.value.string }
                }
                try await eventually { try await redis.info("clients").contains("blocked_clients:1") }
                try await redis.rpush("jobs", "one")
                #expect(try await popped.value == "one")
                let nothing = try await redis.withConnection { try await $0.blpop("jobs", timeout: .milliseconds(10)) }
                #expect(nothing == nil)
                // A cancelled one gives its connection up.
                let waiting = createTask { try await redis.withConnection { try await $0.blpop("jobs") } }
                try await eventually { try await redis.info("clients").contains("blocked_clients:1") }
                waiting.cancel()
                await #expect(throws: CancellationError.self) { try await waiting.value }
                try await eventually { try await redis.info("clients").contains("blocked_clients:0") }
                try await redis.rpush("jobs", "two")
                #expect(try await redis.llen("jobs") == 1)
            }
        }
    }

    @Test func aRefusedUserIsExplained() async throws {
        try await RedisServer.run(["--requirepass", "secret"]) { server in
            for suffix in ["", "?protocol=2"] {
                try await withRedis(server.url + suffix) { redis in
                    let error = await #expect(throws: RedisError.self) { try await redis.ping() }
                    #expect(error?.code == .noAuthentication)
                }
                try await withRedis("redis://:wrong@127.0.0.1:\(server.port)\(suffix)") { redis in
                    let error = await #expect(throws: RedisError.self) { try await redis.ping() }
                    #expect(error?.code == .wrongPassword)
                }
                try await withRedis("redis://:secret@127.0.0.1:\(server.port)\(suffix)") { redis in
                    try await redis.ping()
                }
            }
            let error = await #expect(throws: RedisError.self) {
                try await withRedis("redis://:secret@127.0.0.1:\(server.port)/99") { try await $0.ping() }
            }
            #expect(error?.message == "DB index is out of range")
        }
    }
}

@Suite(.eventLoop, .requires(.redis), .serialized) struct LoopThreadTests {
    private nonisolated static func answer(_ url: String) async throws -> Int? {
        try await withRedis(url) { redis in
            try await redis.set("answer", 42)
            let news = try await redis.subscribe("news")
            try await redis.publish("news", "now")
            guard try await news.next()?.text == "now" else { return nil }
            return try await RedisLock(redis, "lock").withLock { _ in try await redis.get("answer", as: Int.self) }
        }
    }

    @Test func aClientWorksOnALoopOfItsOwn() async throws {
        try await RedisServer.run { server in
            let url = server.url
            let io = try EventLoopThread(name: "io")
            let answer = try await io.run { _ in try await Self.answer(url) }
            try await io.shutDown(within: .seconds(10))
            #expect(answer == 42)
        }
    }
}

@Suite(.eventLoop, .requires(.redis), .serialized) struct PushTests {
    @Test func messagesThatAreNotRepliesArrive() async throws {
        try await RedisServer.run { server in
            try await withRedis(server.url) { redis in
                try await redis.set("key", 1)
                try await redis.withConnection { connection in
                    let pushes = connection.pushes()
                    try await connection.send("CLIENT", "TRACKING", "ON")
                    #expect(try await connection.get("key", as: Int.self) == 1)
                    try await redis.set("key", 2)
                    guard case .push(let values)? = try await pushes.next() else { throw TestFailure("no push") }
                    #expect(try values[0].string == "invalidate")
                    #expect(try values[1].decode(as: [String].self) == ["key"])
                    #expect(try await connection.get("key", as: Int.self) == 2)
                    connection.close()
                    #expect(try await pushes.next() == nil)
                }
            }
        }
    }
}
