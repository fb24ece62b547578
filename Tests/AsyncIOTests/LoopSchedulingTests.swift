import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

/// The scheduling policies of the threads of loops.
@Suite(.eventLoop) struct LoopSchedulingTests {
    /// The number of `SCHED_BATCH`, which Glibc declares only for GNU programs.
    nonisolated private static let batch: Int32 = 3
    /// The policy of the calling thread.
    nonisolated private static var policy: Int32 { sched_getscheduler(0) }
    /// The policy of the process, which other threads have.
    nonisolated private static var usual: Int32 { sched_getscheduler(getpid()) }

    private func withBatchLoop<T: Sendable>(
        _ body: @escaping @Sendable (isolated EventLoopThread) async throws -> T
    ) async throws -> T {
        let io = try EventLoopThread(name: "batch", scheduling: .batch)
        let result = try await io.run(body)
        try await io.shutDown()
        return result
    }

    @Test func theThreadOfALoopHasTheChosenPolicy() async throws {
        #expect(try await withBatchLoop { _ in Self.policy } == Self.batch)
        let normal = try EventLoopThread(name: "normal")
        #expect(try await normal.run { _ in Self.policy } == Self.usual)
        try await normal.shutDown()
        let made = EventLoopThread.make(scheduling: .batch)
        #expect(try await made.run { _ in Self.policy } == Self.batch)
        try await made.shutDown()
    }

    @Test func severalLoopsHaveTheChosenPolicy() async throws {
        let policies = try await withEventLoopThreads(count: 2, scheduling: .batch) { _, _ in Self.policy }
        #expect(policies == [Self.batch, Self.batch])
    }

    @Test func theLoopsOfAServerHaveTheChosenPolicy() async throws {
        let server = try await startMultiLoopServer(host: "127.0.0.1", port: 0, loops: 2, scheduling: .batch) {
            _, _, writer in
            try await writer.write("\(Self.policy)")
        }
        let (reader, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        #expect(try await reader.readText() == "\(Self.batch)")
        writer.close()
        try await server.shutdown(within: .seconds(30))
    }

    @Test func threadsThatALoopStartsHaveTheUsualPolicy() async throws {
        let other = try await withBatchLoop { _ in
            let io = try EventLoopThread(name: "inner")
            let policy = try await io.run { _ in Self.policy }
            try await io.shutDown()
            return policy
        }
        #expect(other == Self.usual)
        #expect(try await withBatchLoop { _ in try await toThread { Self.policy } } == Self.usual)
    }

    @Test func subprocessesThatALoopStartsHaveTheUsualPolicy() async throws {
        // The 41st field is the policy; see proc(5).
        let output = try await withBatchLoop { _ in
            let process = try await createSubprocess(
                "/usr/bin/cut", arguments: ["-d", " ", "-f", "41", "/proc/self/stat"], stdout: .pipe)
            return String(decoding: try await process.communicate().stdout ?? [], as: UTF8.self)
        }
        #expect(output == "\(Self.usual)\n")
    }

    @Test(.simulation) func aSimulatedLoopIgnoresThePolicy() async throws {
        let io = try EventLoopThread(name: "simulated", scheduling: .batch)
        #expect(try await io.run { _ in Self.policy } == Self.usual)
        try await io.shutDown()
    }

    @Test func policiesHaveNames() {
        #expect("\(EventLoopThread.Scheduling.normal)" == "normal")
        #expect("\(EventLoopThread.Scheduling.batch)" == "batch")
    }
}
