import AsyncIO
import AsyncIORedis
import AsyncIOTesting
import Foundation
import Glibc
import Testing

/// Machines whose clocks are wrong by an hour. Only the server's clock decides when a delivery or a lease ends.
@Suite(.eventLoop, .serialized) struct WrongClockTests {
    /// A library for LD_PRELOAD, which moves the wall clock by CLOCK_SKEW seconds.
    private static let source = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <stdlib.h>
        #include <sys/time.h>
        #include <time.h>

        static long skew(void) {
            const char *text = getenv("CLOCK_SKEW");
            return text ? atol(text) : 0;
        }

        int clock_gettime(clockid_t clock, struct timespec *result) {
            static int (*real)(clockid_t, struct timespec *);
            if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
            int status = real(clock, result);
            if (status == 0 && clock == CLOCK_REALTIME) result->tv_sec += skew();
            return status;
        }

        int gettimeofday(struct timeval *restrict result, void *restrict zone) {
            struct timespec now;
            (void)zone;
            if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
            result->tv_sec = now.tv_sec;
            result->tv_usec = now.tv_nsec / 1000;
            return 0;
        }

        time_t time(time_t *result) {
            struct timespec now;
            clock_gettime(CLOCK_REALTIME, &now);
            if (result) *result = now.tv_sec;
            return now.tv_sec;
        }
        """

    private func makeLibrary(in folder: String) async throws -> String {
        try await writeFile("\(folder)/skew.c", Self.source)
        try await runProgram("cc", ["-shared", "-fPIC", "-O1", "-o", "\(folder)/skew.so", "\(folder)/skew.c", "-ldl"])
        return "\(folder)/skew.so"
    }

    /// Runs a program whose clock is wrong by so many seconds.
    private func start(_ library: String, skew: Int, _ arguments: [String]) async throws -> AsyncSubprocess {
        var options = SubprocessOptions()
        var environment = ProcessInfo.processInfo.environment
        environment["LD_PRELOAD"] = library
        environment["CLOCK_SKEW"] = "\(skew)"
        options.environment = environment
        return try await createSubprocess(
            program("jobs-program"), arguments: arguments, stdout: .pipe, options: options)
    }

    @Test(.requires(.redis, .cc)) func workersWithWrongClocksNeitherLoseNorStealJobs() async throws {
        try await RedisServer.run { server in
            let library = try await makeLibrary(in: server.folder)
            let ledger = "\(server.folder)/ledger"
            let begin = Int(Date().timeIntervalSince1970)
            // The producer's clock is wrong as well.
            let producer = try await start(
                library, skew: -3600, ["put", server.url, "test", "\(server.folder)/puts", "0", "60"])
            #expect(try await producer.wait() == 0)
            var workers: [AsyncSubprocess] = []
            for skew in [3600, -3600, 0] {
                let arguments = ["work", server.url, "test", ledger, "4", "5000", "100"]
                let worker = try await start(library, skew: skew, arguments)
                #expect(try await worker.stdout?.readTextLine() == "READY")
                workers.append(worker)
            }
            try await withRedis(server.url) { redis in
                let queue = try RedisQueue<Int>("test", on: redis, policy: JobPolicy(visibility: .seconds(5)))
                try await queue.join()
                let counts = try await queue.counts()
                #expect(counts.done == 60 && counts.lost == 0)
            }
            for worker in workers {
                try worker.terminate()
                #expect(try await worker.wait() == 0)
            }
            let lines = try await readText(ledger).split(separator: "\n").map { $0.split(separator: " ") }
            let ends = lines.filter { $0[0] == "E" }
            #expect(ends.count == 60 && Set(ends.map { $0[1] }).count == 60)
            #expect(lines.filter { $0[0] == "S" }.count == 60)
            // The clocks of the workers were really wrong.
            let hours = Set(lines.map { (Double(Int($0[4])! / 1000 - begin) / 3600).rounded() })
            #expect(hours == [1, 0, -1])
            #expect(Set(lines.map { $0[3] }).count == 3)
        }
    }

    // MARK: In a simulation

    /// A lock on a host whose clock jumps by an hour, and whose server answers some renewals with an error.
    @Test(.simulation) func aLeaseDoesNotDependOnTheWallClock() async throws {
        let network = try Network.current
        var renewals = 0
        try network.host("redis") {
            let server = try await startServer(port: 6379) { reader, writer in
                try await FakeRedis.serve(reader, writer) { words in
                    guard words[0] == "EVALSHA" else { return "+OK\r\n" }
                    // Only the call that takes the lock has the key of the fencing tokens.
                    if words[2] == "2" { return "*2\r\n:1\r\n:7\r\n" }
                    guard words.count == 6, words[5] == "30000" else { return ":1\r\n" }
                    renewals += 1
                    switch renewals {
                    case 1: return "-LOADING Redis is loading the dataset in memory\r\n"
                    case 3: return "-READONLY You can't write against a read only replica.\r\n"
                    default: return ":1\r\n"
                    }
                }
            }
            try await server.serveForever()
        }
        var duration = Duration.zero
        let holder = try network.host("holder") {
            let redis = RedisClient(RedisConfiguration(host: "redis"))
            try await RedisLock(redis, "lock", lease: .seconds(30)).withLock { lease in
                let start = LoopClock().now
                try await sleep(.seconds(100))
                duration = LoopClock().now - start
                #expect(lease.fencingToken == 7)
            }
            await redis.close()
        }
        for offset in [3600, -3600] {
            try await sleep(.seconds(35))
            holder.clockOffset = .seconds(offset)
        }
        while holder.isRunning { try await sleep(.seconds(1)) }
        #expect(duration == .seconds(100))
        #expect(renewals == 9)
    }
}
