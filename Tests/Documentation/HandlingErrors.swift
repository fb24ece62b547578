// The code of Sources/AsyncIO/AsyncIO.docc/HandlingErrors.md.

import AsyncIO
import AsyncIOTesting
import Testing

/// The first line that a server sends, or nil if it sends none.
func greeting(port: Int) async throws -> String? {
    do {
        return try await withTimeout(.seconds(5)) {
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            defer { writer.close() }
            var lines = reader.lines.makeAsyncIterator()
            return try await lines.next()
        }
    } catch is TimeoutError {
        return nil // the server is too slow
    } catch let error as OSError where error.isConnectionError {
        return nil // the server is not there, or went away
    }
    // Everything else, including cancellation, is thrown to the caller.
}

@Suite struct Errors {
    @Test(.eventLoop) func expectedFailuresAreHandledAndOthersThrown() async throws {
        let server = try await startServer(host: "127.0.0.1", port: 0) { _, writer in
            try await writer.write("hello\n")
        }
        let port = server.port
        #expect(try await greeting(port: port) == "hello")
        try await server.shutdown(within: .seconds(1))
        #expect(try await greeting(port: port) == nil)
        await #expect(throws: ValueError.self) { try await greeting(port: 70_000) }
    }

    @Test(.virtualTime) func aLoopThatHandlesErrorsStillEndsWhenItIsCancelled() async throws {
        var log: [String] = []
        func step() async throws {
            try await sleep(.seconds(1))
            throw ValueError("a bad item")
        }
        let worker = createTask {
            while true {
                do {
                    try await step()
                } catch let error as CancellationError {
                    throw error
                } catch {
                    log.append("\(error)")
                }
            }
        }
        try await sleep(.milliseconds(2_500))
        worker.cancel()
        _ = try await wait([worker])
        #expect(worker.wasCancelled)
        #expect(log == ["a bad item", "a bad item"])
    }

    @Test(.virtualTime) func someErrorsAreWorthAnotherAttempt() async throws {
        var attempts = 0
        func fetch() async throws -> String {
            attempts += 1
            if attempts < 3 { throw TimeoutError() }
            return "page"
        }
        let page = try await retry(
            attempts: 5, when: { error in (error as? OSError)?.isConnectionError ?? (error is TimeoutError) }
        ) {
            try await withTimeout(.seconds(2)) { try await fetch() }
        }
        #expect((page, attempts) == ("page", 3))
    }

    @Test(.virtualTime) func aGroupThrowsAllErrors() async throws {
        var found: [String] = []
        do {
            try await withAsyncTaskGroup { group in
                try group.createTask { throw ValueError("a bad value") }
                try group.createTask { throw TimeoutError() }
            }
        } catch let group as ExceptionGroup {
            for error in group.flattened { found.append("\(error)") }
        }
        #expect(found == ["a bad value", "the operation timed out"])
    }
}
