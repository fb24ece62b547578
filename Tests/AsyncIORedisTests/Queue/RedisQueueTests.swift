import AsyncIO
import AsyncIOTesting
import Foundation
import Glibc
import JobScenarios
import Testing

@testable import AsyncIORedis

@Suite(.eventLoop, .serialized, .requires(.redis)) struct RedisQueueTests {
    /// Runs `body` with a server and a way to open the same queue again.
    private func withQueues<Job>(
        of type: Job.Type, policy: JobPolicy = JobPolicy(), patience: Duration = .seconds(30),
        _ settings: [String] = [], _ body: (RedisServer, () throws -> RedisQueue<Job>) async throws -> Void
    ) async throws {
        try await RedisServer.run(settings) { server in
            var clients: [RedisClient] = []
            var queues: [RedisQueue<Job>] = []
            let url = server.url
            func open() throws -> RedisQueue<Job> {
                let client = RedisClient(try RedisConfiguration(url: url))
                let queue = try RedisQueue<Job>("test", on: client, policy: policy, patience: patience)
                clients.append(client)
                queues.append(queue)
                return queue
            }
            let result: Result<Void, any Error>
            do { result = .success(try await body(server, open)) } catch { result = .failure(error) }
            for queue in queues { queue.shutdown(immediate: true) }
            for client in clients { await client.close() }
            try result.get()
        }
    }

    @Test(arguments: Scenario.allCases) func theQueueKeepsTheProtocol(_ scenario: Scenario) async throws {
        try await withQueues(of: String.self, policy: scenario.policy) { _, open in try await scenario.run(open) }
    }

    @Test func nothingIsLeftOfJobsThatHaveEnded() async throws {
        try await withQueues(of: String.self, policy: JobPolicy(retention: .milliseconds(200))) { server, open in
            let queue = try open()
            for number in 0..<50 {
                let options = JobOptions(
                    delay: number % 5 == 0 ? .milliseconds(1) : nil, priority: [.high, .normal, .low][number % 3],
                    uniqueKey: "u\(number)", orderKey: "o\(number % 4)", context: ["a": "b"])
                try await queue.put("job", options: options)
            }
            queue.shutdown()
            try await work(on: queue) { delivery in
                if delivery.attempt == 1 { throw JobFailure("again", retryDelay: .milliseconds(1)) }
            }
            try await sleep(.milliseconds(300))
            let keys = try await server.cli("KEYS", "*").split(separator: "\n").map(String.init)
            let streams = (0...2).map { "jobs:{test}:s\($0)" }
            let others = ["stats", "wake", "workers"].map { "jobs:{test}:\($0)" }
            #expect(Set(keys).subtracting(streams + others) == [])
            for stream in streams {
                #expect(try await server.cli("XLEN", stream) == "0")
                #expect(try await server.cli("XPENDING", stream, "workers").hasPrefix("0"))
            }
        }
    }

    @Test func severalTasksCanReceiveWithOneConnection() async throws {
        try await withQueues(of: String.self) { server, open in
            let queue = try open()
            let receivers = (0..<20).map { _ in createTask { try await queue.receive() } }
            try await sleep(.milliseconds(100))
            #expect(try await server.cli("INFO", "clients").contains("blocked_clients:1"))
            let producer = try open()
            for number in 0..<20 { try await producer.put("\(number)") }
            var jobs: Set<String> = []
            for receiver in receivers {
                let delivery = try await receiver.value
                jobs.insert(delivery.job)
                try await delivery.acknowledge()
            }
            #expect(jobs.count == 20)
        }
    }

    @Test func aJobThatCannotBeDecodedIsADeadLetter() async throws {
        try await RedisServer.run { server in
            try await withRedis(server.url) { redis in
                let texts = try RedisQueue<String>("test", on: redis)
                let numbers = try RedisQueue<Int>("test", on: redis)
                try await texts.put("not a number", options: JobOptions(id: "1"))
                try await numbers.put(5)
                let delivery = try await numbers.receive()
                #expect(delivery.job == 5)
                try await delivery.acknowledge()
                let dead = try #require(try await numbers.deadJobs().first)
                #expect(dead.id == "1" && dead.job == nil)
                #expect(dead.error.hasPrefix("the job cannot be decoded: "))
                #expect(try await texts.deadJobs().first?.job == "not a number")
            }
        }
    }

    @Test func waitingForTheEndDoesNotPoll() async throws {
        try await withQueues(of: String.self) { server, open in
            let (producer, other, worker) = (try open(), try open(), try open())
            // Only reports end the waits.
            for queue in [producer, other] { queue.checkInterval = .seconds(3600) }
            try await producer.put("a", options: JobOptions(id: "a"))
            let delivery = try await worker.receive()
            let joiners = [producer, producer, other].map { queue in createTask { try await queue.join() } }
            let end = createTask { try await other.end(of: "a") }
            try await eventually { try await server.cli("INFO", "clients").contains("blocked_clients:2") }
            func scriptCalls() async throws -> Substring? {
                try await server.cli("INFO", "commandstats").split(whereSeparator: \.isNewline)
                    .first { $0.hasPrefix("cmdstat_evalsha:calls=") }?.split(separator: ",").first
            }
            let before = try await scriptCalls()
            try await sleep(.milliseconds(500))
            #expect(try await scriptCalls() == before)
            #expect(before != nil)
            try await delivery.acknowledge()
            for joiner in joiners { try await joiner.value }
            #expect(try await end.value.state == .done)
        }
    }

    @Test func aQueueThatIsShutDownAtOnceCanStillBeJoined() async throws {
        try await withQueues(of: String.self) { _, open in
            let (queue, worker) = (try open(), try open())
            try await queue.put("a")
            let delivery = try await worker.receive()
            let joiner = createTask { try await queue.join() }
            try await sleep(.milliseconds(20))
            queue.shutdown(immediate: true)
            try await sleep(.milliseconds(20))
            #expect(!joiner.isDone)
            try await delivery.acknowledge()
            try await joiner.value
        }
    }

    @Test func workersThatHaveGoneAreForgotten() async throws {
        try await withQueues(of: String.self) { server, open in
            let (queue, first) = (try open(), try open())
            try await queue.put("a")
            try await first.receive().acknowledge()
            let name = try #require(try await queue.workers().first).name
            // As if it had been silent for eleven minutes.
            let time = Int((Date().timeIntervalSince1970 - 660) * 1000)
            _ = try await server.cli("ZADD", "jobs:{test}:workers", "\(time)", name)
            #expect(try await queue.workers().first?.timeSinceHeartbeat ?? .zero >= .seconds(659))
            try await queue.put("b")
            try await open().receive().acknowledge()
            let names = try await queue.workers().map(\.name)
            #expect(names.count == 1 && names != [name])
        }
    }

    /// An encoding whose bytes are not text.
    nonisolated struct PropertyLists: JobCoding {
        func encode(_ value: some Encodable) throws -> [UInt8] {
            let encoder = PropertyListEncoder()
            encoder.outputFormat = .binary
            return Array(try encoder.encode([value]))
        }

        func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
            try PropertyListDecoder().decode([Value].self, from: Data(bytes))[0]
        }
    }

    @Test func jobsAndResultsHaveTheEncodingOfTheProgram() async throws {
        try await RedisServer.run { server in
            try await withRedis(server.url) { redis in
                let queue = try RedisQueue<[String]>("test", on: redis, coding: PropertyLists())
                try await queue.put(["one", "two"], options: JobOptions(id: "1", context: ["key": "value"]))
                let data = try await redis.hget("jobs:{test}:job:1", "d")?.bytes ?? []
                #expect(data.starts(with: Array("bplist00".utf8)))
                let delivery = try await queue.receive()
                #expect(delivery.job == ["one", "two"] && delivery.context == ["key": "value"])
                try await delivery.acknowledge(returning: 17)
                #expect(try await queue.result(of: "1", as: Int.self) == 17)
                try await queue.put(["three"], options: JobOptions(id: "2"))
                try await queue.receive().reject(JobFailure("no", isFinal: true))
                #expect(try await queue.deadJobs().first?.job == ["three"])
                // Another encoding cannot read the job, which stays a dead letter.
                let other = try RedisQueue<[String]>("test", on: redis)
                #expect(try await other.deadJobs().map(\.job) == [nil])
                #expect(try await other.retryDead("2"))
                other.shutdown()
                await #expect(throws: QueueShutDown.self) { _ = try await other.receive() }
                let error = try #require(try await queue.deadJobs().first).error
                #expect(error.hasPrefix("the job cannot be decoded: "))
            }
        }
    }

    @Test func mistakesInTheNameAndTheRulesAreErrors() async throws {
        let redis = RedisClient()
        for name in ["", "a{b", "a}b"] {
            #expect(throws: ValueError.self) { try RedisQueue<Int>(name, on: redis) }
        }
        #expect(throws: ValueError.self) { try RedisQueue<Int>("a", on: redis, policy: JobPolicy(maxDeliveries: 0)) }
        await redis.close()
    }

    // MARK: Servers that go away

    @Test func aQueueSurvivesTheDeathOfItsServer() async throws {
        let settings = ["--appendonly", "yes", "--appendfsync", "always"]
        try await withQueues(of: Int.self, policy: JobPolicy(visibility: .seconds(2)), settings) { server, open in
            let (producer, consumer) = (try open(), try open())
            var done: [Int: Int] = [:]
            let worker = createTask {
                try await work(on: consumer, limit: 5) { delivery in
                    try await sleep(.milliseconds(5))
                    done[delivery.job, default: 0] += 1
                }
            }
            let producing = createTask {
                for job in 0..<400 {
                    // The answer to a put that is repeated is the same as that to the first one.
                    let ticket = try await producer.put(job, options: JobOptions(id: "\(job)"))
                    #expect(ticket.wasAdded)
                }
            }
            for _ in 0..<2 {
                try await sleep(.milliseconds(150))
                await server.kill()
                try await sleep(.milliseconds(300))
                try await server.start()
            }
            try await producing.value
            try await waitFor(timeout: .seconds(60)) { try await producer.join() }
            worker.cancel()
            _ = try? await worker.value
            #expect(done.count == 400)
            // A worker whose delivery could not be settled in time does the job again.
            #expect(done.values.filter { $0 > 1 }.count <= 10)
        }
    }

    @Test func patienceEnds() async throws {
        try await withQueues(of: String.self, patience: .milliseconds(300)) { server, open in
            let queue = try open()
            try await queue.put("a")
            await server.kill()
            await #expect(throws: RedisConnectionError.self) { try await queue.put("b") }
            await #expect(throws: RedisConnectionError.self) { _ = try await queue.receive() }
        }
    }

    @Test func jobsInAnAnswerThatWasLostAreDeliveredSoon() async throws {
        try await withQueues(of: String.self, policy: JobPolicy(), ["--appendonly", "yes"]) { server, open in
            let queue = try open()
            let receiving = createTask { try await queue.receive() }
            try await sleep(.milliseconds(100))
            try await queue.put("a")
            try await receiving.value.acknowledge()
            // The server carries out the call, but its answer does not come.
            let lost = "redis.call('XREADGROUP','GROUP','workers',ARGV[1],'STREAMS',KEYS[1]..':s1','>')"
            try await queue.put("b", options: JobOptions(id: "b"))
            let consumers = try await server.cli("XINFO", "CONSUMERS", "jobs:{test}:s1", "workers")
            let name = try #require(consumers.split(separator: "\n").dropFirst().first.map(String.init))
            let code =
                lost + " redis.call('HSET',KEYS[1]..':job:b','s','running','a',1,'f',1)"
                + " redis.call('ZADD',KEYS[1]..':running',9999999999999,'b') return 1"
            _ = try await server.cli("EVAL", code, "1", "jobs:{test}", name)
            #expect(try await queue.status(of: "b")?.state == .running)
            // The connection breaks in the next call.
            let killer = RedisClient(try RedisConfiguration(url: server.url))
            _ = try await killer.send("CLIENT", "PAUSE", 300, "ALL")
            let next = createTask { try await queue.receive() }
            try await sleep(.milliseconds(100))
            await server.kill()
            try await server.start()
            await killer.close()
            let delivery = try await waitFor(timeout: .seconds(20)) { try await next.value }
            #expect(delivery.id == "b" && delivery.attempt == 1)
            try await delivery.acknowledge()
        }
    }

    @Test func aFullMemoryRefusesJobsButNotTheirEnd() async throws {
        try await withQueues(of: String.self) { server, open in
            let queue = try open()
            for number in 0..<10 { try await queue.put("\(number)") }
            _ = try await server.cli("CONFIG", "SET", "maxmemory", "1")
            let error = await #expect(throws: RedisError.self) { try await queue.put("too much") }
            #expect(error?.code == .outOfMemory)
            #expect(try await queue.counts().waiting == 10)
            for _ in 0..<10 { try await queue.receive().acknowledge() }
            #expect(try await queue.counts().done == 10)
            _ = try await server.cli("CONFIG", "SET", "maxmemory", "0")
            try await queue.put("enough")
            try await queue.receive().acknowledge()
        }
    }

    // MARK: Workers that go away

    private func worker(
        _ server: RedisServer, ledger: String, limit: Int, visibility: Int, pause: Int
    ) async throws -> AsyncSubprocess {
        let process = try await createSubprocess(
            program("jobs-program"),
            arguments: ["work", server.url, "test", ledger, "\(limit)", "\(visibility)", "\(pause)"], stdout: .pipe)
        #expect(try await process.stdout?.readTextLine() == "READY")
        return process
    }

    private func runs(in ledger: String, _ kind: String) async throws -> [[String]] {
        try await readText(ledger).split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            .filter { $0[0] == kind }
    }

    @Test func aWorkerThatIsKilledLosesNoJob() async throws {
        try await withQueues(of: Int.self) { server, open in
            let queue = try open()
            for job in 0..<200 { try await queue.put(job) }
            let ledger = "\(server.folder)/ledger"
            for _ in 0..<4 {
                let process = try await worker(server, ledger: ledger, limit: 10, visibility: 1000, pause: 20)
                try await sleep(.milliseconds(60))
                try process.kill()
                _ = try await process.wait()
            }
            let last = try await worker(server, ledger: ledger, limit: 10, visibility: 1000, pause: 5)
            try await waitFor(timeout: .seconds(60)) { try await queue.join() }
            try last.terminate()
            #expect(try await last.wait() == 0)
            let ends = try await runs(in: ledger, "E")
            #expect(Set(ends.map { $0[1] }).count == 200)
            // Only what the killed workers had in hand was done twice.
            #expect(ends.count <= 240)
            #expect(try await queue.counts().lost <= 40)
        }
    }

    @Test func aWorkerThatWasStoppedCannotEndTheJobOfAnother() async throws {
        try await withQueues(of: Int.self, policy: JobPolicy(visibility: .milliseconds(500))) { server, open in
            let queue = try open()
            try await queue.put(1, options: JobOptions(id: "1"))
            let ledger = "\(server.folder)/ledger"
            let process = try await worker(server, ledger: ledger, limit: 1, visibility: 500, pause: 1_000_000)
            try await eventually { try await runs(in: ledger, "S").count == 1 }
            _ = kill(process.pid, SIGSTOP)
            let delivery = try await waitFor(timeout: .seconds(20)) { try await queue.receive() }
            #expect(delivery.attempt == 2)
            _ = kill(process.pid, SIGCONT)
            // The worker ends the handler or is told that it has lost the delivery; in both cases the job is ours.
            for _ in 0..<10 {
                try await sleep(.milliseconds(100))
                #expect(try await queue.renew([delivery]) == [.renewed])
            }
            #expect(try await queue.status(of: "1")?.state == .running)
            try await delivery.acknowledge()
            #expect(try await queue.counts().done == 1)
            try process.terminate()
            #expect(try await process.wait() == 0)
        }
    }

    @Test func aWorkerThatIsTerminatedHandsItsJobsBack() async throws {
        try await withQueues(of: Int.self) { server, open in
            let queue = try open()
            try await queue.put(1)
            let ledger = "\(server.folder)/ledger"
            let process = try await worker(server, ledger: ledger, limit: 1, visibility: 60_000, pause: 1_000_000)
            try await eventually { try await runs(in: ledger, "S").count == 1 }
            try process.terminate()
            #expect(try await waitFor(timeout: .seconds(30)) { try await process.wait() } == 0)
            let delivery = try await waitFor(timeout: .seconds(5)) { try await queue.receive() }
            #expect(delivery.attempt == 1)
            try await delivery.acknowledge()
        }
    }

    // MARK: Several loops

    @Test func severalLoopsShareAQueue() async throws {
        try await withQueues(of: Int.self) { server, open in
            let queue = try open()
            for job in 0..<100 { try await queue.put(job) }
            let url = server.url
            let counts = try await withEventLoopThreads(count: 2) { io, _ in try await drain(url, on: io) }
            #expect(counts.reduce(0, +) == 100)
            #expect(counts.allSatisfy { $0 > 0 })
        }
    }
}

/// Works on a loop of its own until the queue is empty. Returns how many jobs it has done.
private func drain(_ url: String, on io: isolated EventLoopThread) async throws -> Int {
    try await withRedis(url) { redis in
        let queue = try RedisQueue<Int>("test", on: redis)
        queue.shutdown()
        var count = 0
        try await work(on: queue, limit: 5) { _ in
            count += 1
            try await sleep(.milliseconds(2))
        }
        return count
    }
}

/// Returns the path of a program of this package.
func program(_ name: String) -> String {
    var path = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count - 1)
    let folder = path[..<max(0, count)].split(separator: CChar(bitPattern: UInt8(ascii: "/"))).dropLast()
    return "/" + folder.map { String(decoding: $0.map { UInt8(bitPattern: $0) }, as: UTF8.self) }.joined(separator: "/")
        + "/" + name
}
