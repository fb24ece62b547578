import AsyncIO
import AsyncIORedis
import AsyncIOTesting
import Glibc
import Testing

/// A program that holds a lock, a place, the leadership, or the work of a queue is stopped for longer than its lease. It
/// notices when it continues.
@Suite(.eventLoop, .requires(.redis), .serialized) struct StoppedHolderTests {
    private let lease = 1500

    /// Runs `body` with a program that holds something, as a line of its output says.
    private func withHolder(
        _ kind: String, _ body: (RedisServer, RedisClient, AsyncSubprocess, _ firstLine: String) async throws -> Void
    ) async throws {
        try await RedisServer.run { server in
            try await withRedis(server.url) { redis in
                try await withSubprocess(
                    program("jobs-program"), arguments: ["hold", server.url, "key", kind, "\(lease)"], stdout: .pipe
                ) { process in
                    // A test that fails must not leave a stopped program behind.
                    defer { _ = kill(process.pid, SIGCONT) }
                    try await body(server, redis, process, line(process) ?? "")
                }
            }
        }
    }

    private func line(_ process: AsyncSubprocess) async throws -> String? {
        try await process.stdout?.readTextLine()
    }

    /// Lets the program continue, and checks what it prints.
    private func resume(_ process: AsyncSubprocess, expecting lines: [String], isLast: Bool) async throws {
        _ = kill(process.pid, SIGCONT)
        for text in lines { #expect(try await line(process) == text) }
        if isLast { #expect(try await process.wait() == 0) }
    }

    @Test(arguments: ["lock", "place"]) func aHolderThatWasStoppedHasLostItsLease(_ kind: String) async throws {
        try await withHolder(kind) { _, redis, process, first in
            #expect(first == "HELD 1")
            _ = kill(process.pid, SIGSTOP)
            func hold(_ body: (RedisLease) async throws -> Void) async throws {
                if kind == "lock" {
                    try await RedisLock(redis, "key").withLock(body)
                } else {
                    try await RedisSemaphore(redis, "key", limit: 1).withPlace(body)
                }
            }
            try await hold { lease in
                #expect(lease.fencingToken == 2)
                try await resume(process, expecting: ["CANCELLED", "LOST key"], isLast: true)
                // The program has not given back what is another's.
                let count = try await redis.exists("key")
                #expect(count == 1 && !lease.isLost)
            }
            #expect(try await redis.exists("key") == 0)
        }
    }

    @Test func aLeaderThatWasStoppedIsACandidateAgain() async throws {
        try await withHolder("leader") { _, redis, process, first in
            #expect(first == "HELD 1")
            _ = kill(process.pid, SIGSTOP)
            let election = RedisElection(redis, "key", name: "test")
            try await election.lead { lease in
                #expect(lease.fencingToken == 2)
                try await resume(process, expecting: ["CANCELLED"], isLast: false)
                let leader = try await election.leader()
                #expect(leader == "test")
            }
            #expect(try await line(process) == "HELD 3")
            #expect(try await election.leader() == "program")
            try process.kill()
        }
    }

    @Test func workThatIsDoneOnceIsDoneByAnotherWorkerIfTheFirstIsStopped() async throws {
        try await withHolder("once") { _, redis, process, first in
            #expect(first == "HELD 0")
            let queue = try RedisQueue<Int>("test", on: redis)
            // As long as it runs, it renews its lease.
            try await sleep(.milliseconds(2 * lease))
            await #expect(throws: OnceInProgress.self) { try await queue.once("key") {} }
            _ = kill(process.pid, SIGSTOP)
            var runs = 0
            try await eventually {
                try await queue.once("key") {
                    runs += 1
                    try await resume(process, expecting: ["CANCELLED", "LOST key"], isLast: true)
                }
            }
            #expect(runs == 1)
            #expect(try await !queue.once("key") { runs += 1 })
        }
    }

    @Test func aProgramThatWasStoppedSeesAFlagThatWasSet() async throws {
        try await withHolder("event") { server, redis, process, first in
            #expect(first == "WAITING")
            try await eventually { try await !redis.send("PUBSUB", "CHANNELS").array.isEmpty }
            _ = kill(process.pid, SIGSTOP)
            try await RedisEvent(redis, "key").set()
            // The message is lost together with the connection.
            _ = try await server.cli("CLIENT", "KILL", "TYPE", "pubsub")
            try await resume(process, expecting: ["SET"], isLast: true)
        }
    }
}
