import AsyncIO
import AsyncIOTesting
import Testing

/// asyncio's debug mode.
@Suite struct DebugModeTests {
    /// The environment is read only once; see also ``FaultsTests``.
    @Test func theCallerTurnsItOn() throws {
        let isOn = try atTopLevel { try AsyncIO.run(debug: true) { try EventLoop.running.debug } }
        #expect(isOn)
        try withLoop { loop in
            #expect(!loop.debug)
            loop.debug = true
            #expect(loop.debug)
        }
    }

    /// A program with a slow step and a slow callback. (Code inside a macro has no line numbers of
    /// its own.)
    nonisolated static func runSlowly() throws {
        try atTopLevel {
            try AsyncIO.run(debug: true) {
                let loop = try EventLoop.running
                #expect(loop.slowCallbackDuration == .milliseconds(100))
                loop.slowCallbackDuration = .milliseconds(30)
                let slow = createTask(name: "slow") {
                    try await sleep(.zero)
                    block(.milliseconds(50))
                }
                try loop.callSoon { block(.milliseconds(40)) }
                try await slow.value
            }
        }
    }

    @Test @concurrent func slowStepsAndCallbacksAreNamedAfterwards() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) { @MainActor in
            try Self.runSlowly()
        }
        let lines = result?.standardError.split(separator: "\n").map(String.init) ?? []
        func seconds(_ line: String?) -> Double {
            line.flatMap { $0.firstMatch(of: /took ([0-9.]+) seconds/) }.flatMap { Double($0.1) } ?? 0
        }
        let task = lines.first { $0.contains("warning") && $0.contains("Executing Task \"slow\"") }
        #expect(seconds(task) >= 0.05)
        let callback = lines.first { $0.contains("Executing a callback, created at ") }
        #expect(seconds(callback) >= 0.04)
        #expect(callback?.contains("Tests/AsyncIOTests/DebugModeTests.swift:") == true, "\(lines)")
    }

    @Test @concurrent func outsideOfDebugModeNothingIsTimed() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) { @MainActor in
            try atTopLevel {
                try AsyncIO.run(debug: false) {
                    try EventLoop.running.slowCallbackDuration = .milliseconds(1)
                    try await createTask { block(.milliseconds(20)) }.value
                }
            }
        }
        #expect(result?.standardError.contains("Executing") == false)
    }

    @Test func whoMadeATaskAFutureOrACallbackIsReportedWithItsError() async throws {
        try atTopLevel {
            try AsyncIO.run(debug: true) {
                let reports = try ReportRecorder()
                let line = #line + 1
                func make() { createTask { throw Boom() } }
                make()
                var future: Future<Int>? = Future<Int>()
                try future?.setError(Boom(1))
                future = nil
                try EventLoop.running.callSoon { throw Boom(2) }
                try await settle()
                #expect(
                    reports.messages == [
                        "Future exception was never retrieved", "Task exception was never retrieved",
                        "Exception in callback",
                    ])
                #expect(reports.reports.map { $0.trace.first?.line } == [line + 2, line, line + 5])
                #expect(reports.reports[1].trace.dropFirst().first?.line == line + 1)
            }
        }
        try atTopLevel {
            try AsyncIO.run(debug: false) {
                let reports = try ReportRecorder()
                createTask { throw Boom() }
                try await settle()
                #expect(reports.reports.map(\.trace.isEmpty) == [true])
            }
        }
    }

    @Test @concurrent func aServerThatIsLeftOpenIsNamed() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) { @MainActor in
            try atTopLevel {
                try AsyncIO.run {
                    _ = try await startServer(host: "127.0.0.1", port: 0) { _, _ in }
                }
            }
        }
        #expect(result?.standardError.contains("unclosed server on 127.0.0.1:") == true)
    }

    @Test @concurrent func aSlowLookupIsLogged() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) { @MainActor in
            try atTopLevel {
                try AsyncIO.run(debug: true) {
                    let loop = try EventLoop.running
                    loop.slowCallbackDuration = .nanoseconds(1)
                    _ = try await loop.getAddrInfo(host: "localhost", service: "80")
                }
            }
        }
        #expect(result?.standardError.contains("Getting the addresses of localhost took ") == true)
    }
}
