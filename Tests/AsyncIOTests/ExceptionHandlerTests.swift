import AsyncIO
import AsyncIOTesting
import Testing

@Suite struct ExceptionHandlerTests {
    @Test func anErrorInACallbackGoesToTheHandlerAndTheLoopGoesOn() throws {
        try withLoop { loop in
            let log = Log()
            loop.setExceptionHandler { log("\($0.message): \($0.error as? TestError == TestError("mine"))") }
            try loop.callSoon { throw TestError("mine") }
            try loop.callLater(.zero) { throw TestError("mine") }
            try loop.callSoonThreadSafe { throw TestError("mine") }
            try loop.callSoon { log("next") }
            loop.stop()
            try loop.runForever()
            #expect(
                log.lines == [
                    "Exception in callback: true", "next", "Exception in callback: true",
                    "Exception in callback: true",
                ])
        }
    }

    @Test @concurrent func aHandlerThatFailsIsReportedToTheLog() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) { @MainActor in
            try withLoop { loop in
                loop.setExceptionHandler { _ in throw TestError("in the handler") }
                try loop.callSoon { throw TestError("in the callback") }
                loop.stop()
                try loop.runForever()
            }
        }
        #expect(result?.standardError.contains("Unhandled error in exception handler") == true)
        #expect(result?.standardError.contains("in the handler") == true)
        #expect(result?.standardError.contains("Exception in callback") == true)
    }

    @Test @concurrent func withoutAHandlerTheErrorIsLogged() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) { @MainActor in
            try withLoop { loop in
                loop.setExceptionHandler { _ in Issue.record("replaced") }
                loop.setExceptionHandler(nil)
                try loop.callSoon { throw TestError("nobody looks") }
                loop.stop()
                try loop.runForever()
            }
        }
        #expect(result?.standardError.contains("Exception in callback") == true)
        #expect(result?.standardError.contains("nobody looks") == true)
    }

    @Test func anErrorThatNobodyRetrievesIsReportedWhenItsTaskGoes() throws {
        try withLoop { loop in
            let log = Log()
            loop.setExceptionHandler { log("\($0.message) \($0.subject ?? "") \($0.location ?? "")") }
            try loop.runUntilComplete {
                createTask(name: "lost", fileID: "Module/File.swift", line: 7) { throw TestError("mine") }
                for _ in 0..<3 { try await sleep(.zero) }
            }
            #expect(log.lines.count == 1)
            #expect(log.lines.first?.hasPrefix("Task exception was never retrieved Task \"lost\"") == true)
            #expect(log.lines.first?.hasSuffix("Module/File.swift:7") == true)
        }
    }

    // MARK: KeyboardInterrupt

    @Test func aKeyboardInterruptInACallbackEndsTheRunAtOnceAndKeepsTheQueue() throws {
        try withLoop { loop in
            let log = Log()
            try loop.callSoon { log("before") }
            try loop.callSoon { throw KeyboardInterrupt() }
            try loop.callSoon { log("after") }
            #expect(throws: KeyboardInterrupt.self) { try loop.runForever() }
            #expect(!loop.isRunning)
            #expect(log.lines == ["before"])
            loop.stop()
            try loop.runForever()
            #expect(log.lines == ["before", "after"])
        }
    }

    @Test func aKeyboardInterruptInATaskEndsTheRunAndIsTheTasksErrorToo() throws {
        try withLoop { loop in
            var task: AsyncTask<Void>?
            #expect(throws: KeyboardInterrupt.self) {
                try loop.runUntilComplete {
                    task = createTask { throw KeyboardInterrupt() }
                    try await sleep(.seconds(3600))
                }
            }
            let error = try task?.error()
            #expect(error is KeyboardInterrupt)
            // The rest continues.
            loop.stop()
            try loop.runForever()
        }
    }
}
