import AsyncIO
import AsyncIOTesting
import SystemPackage
import Testing

/// Messages that contain an error give its type and its text.
@Suite(.virtualTime) struct ErrorTextTests {
    private enum Plain: Error {
        case broken
        case lost(Int)
    }
    private struct Bare: Error { let number: Int }
    private struct Silent: Error, CustomStringConvertible { let description = "" }

    @Test func anErrorIsToldWithItsType() {
        #expect(AsyncIO.describe(ValueError("nobody asks")) == "ValueError: nobody asks")
        #expect(
            AsyncIO.describe(OSError(.brokenPipe, "writing")) == "OSError: writing: Broken pipe (errno 32)")
        #expect(AsyncIO.describe(Plain.broken) == "Plain.broken")
        #expect(AsyncIO.describe(Plain.lost(3)) == "Plain.lost(3)")
        #expect(AsyncIO.describe(Bare(number: 1)) == "Bare(number: 1)")
        #expect(AsyncIO.describe(Silent()) == "Silent")
        #expect(AsyncIO.describe(CancellationError()) == "CancellationError()")
        #expect(AsyncIO.describe(Errno.brokenPipe) == "Errno: Broken pipe")
    }

    @Test func errorsInErrorsAreToldSoToo() {
        let group = ExceptionGroup("two", [ValueError("a"), ExceptionGroup("one", [Plain.broken])])
        #expect(
            group.description == "two (2 errors: ValueError: a; ExceptionGroup: one (1 error: Plain.broken))")
        #expect(AsyncIO.describe(group) == "ExceptionGroup: \(group)")
    }

    @Test func tasksAndFuturesTellItSo() async throws {
        let task = createTask(name: "job") { throw ValueError("nobody asks") }
        _ = await thrown { try await task.value }
        #expect(task.description == "Task \"job\" (failed: ValueError: nobody asks)")
        let future = Future<Int>()
        try future.setError(ValueError("no"))
        let error = #expect(throws: InvalidStateError.self) { try future.setResult(1) }
        #expect(error?.message == "the future has already ended: failed: ValueError: no")
        _ = await thrown { try await future.value }
    }
}
