import AsyncIO
import AsyncIOTesting
import Testing

/// Tasks that the library creates on behalf of a caller have the caller's file and line.
@Suite(.virtualTime)
struct CreationSiteTests {
    /// Runs `body` as a task until everything waits. Every other task must then have been created
    /// at `line`, and there must be `count` of them.
    private func expectTasks(_ count: Int, at line: Int, _ body: @escaping () async throws -> Void) async throws {
        let known = Set(allTasks().map(ObjectIdentifier.init))
        let outer = createTask(name: "outer", body)
        try await sleep(.milliseconds(1))
        let made = allTasks().filter { $0 !== outer && !known.contains(ObjectIdentifier($0)) }
        let sites = made.map(\.site?.description)
        #expect(sites == Array(repeating: "AsyncIOTests/CreationSiteTests.swift:\(line)", count: count))
        outer.cancel()
        _ = try? await outer.value
    }

    @Test func ofGather() async throws {
        let line = #line + 2
        try await expectTasks(2, at: line) {
            try await gather({ try await sleep(.seconds(1)) }, { try await sleep(.seconds(1)) })
        }
        try await expectTasks(3, at: line + 3) {
            try await gather(1...3) { _ in try await sleep(.seconds(1)) }
        }
        try await expectTasks(3, at: line + 6) {
            try await gatherResults(1...3) { _ in try await sleep(.seconds(1)) }
        }
    }

    @Test func ofAsCompletedAndOfRaces() async throws {
        let line = #line + 2
        try await expectTasks(2, at: line) {
            for try await _ in asCompleted(1...2, { _ in try await sleep(.seconds(1)) }) {}
        }
        try await expectTasks(2, at: line + 3) {
            try await race({ try await sleep(.seconds(1)) }, { try await sleep(.seconds(1)) })
        }
        try await expectTasks(2, at: line + 6) {
            _ = try await race(1...2) { _ in try await sleep(.seconds(1)) }
        }
        try await expectTasks(2, at: line + 9) {
            _ = try await staggeredRace(
                delay: .microseconds(1), { try await sleep(.seconds(1)) }, { try await sleep(.seconds(1)) })
        }
    }

    @Test func ofShieldCleanUpAndMaps() async throws {
        let line = #line + 2
        try await expectTasks(1, at: line) {
            try await shield { try await sleep(.seconds(1)) }
        }
        try await expectTasks(1, at: line + 3) {
            try await withCleanup(timeout: nil) { try await sleep(.seconds(1)) }
        }
        // The feeder has started tasks for all elements and has ended.
        try await expectTasks(2, at: line + 7) {
            for try await _ in concurrentMap(1...2, limit: 5, { _ in try await sleep(.seconds(1)) }) {}
        }
    }

    @Test func ofScopesInAPlainSwiftTask() async throws {
        let line = #line + 2
        try await expectTasks(1, at: line) {
            async let waiting: Void = waitFor(timeout: .seconds(5)) { try await sleep(.seconds(1)) }
            try await waiting
        }
        try await expectTasks(1, at: line + 4) {
            async let waiting: Void = withTimeout(.seconds(5)) { try await sleep(.seconds(1)) }
            try await waiting
        }
    }

    @Test(.eventLoop) func ofHandlersOfAServer() async throws {
        let line = #line + 1
        let server = try await startServer(host: "127.0.0.1", port: 0) { reader, _ in _ = try await reader.readLine() }
        let (_, writer) = try await openConnection(host: "127.0.0.1", port: server.port)
        try await eventually { server.connectionCount > 0 }
        try await sleep(.zero)
        #expect(try formatTaskTree().contains("created at Tests/AsyncIOTests/CreationSiteTests.swift:\(line)"))
        writer.close()
        try await server.shutdown(within: .seconds(5))
    }
}
