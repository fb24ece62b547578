import AsyncIO
import AsyncIOTesting
import Glibc
import Testing

/// System calls that the kernel or a container's filter refuses. The library works without them, or
/// reports clearly that it cannot.
@Suite(.eventLoop) struct RefusedCallTests {
    /// The numbers of the calls, which from 424 on are the same on every architecture.
    private enum Call {
        static let pidfdSendSignal = 424
        static let ioUringSetup = 425
        static let closeRange = 436
        static let openat2 = 437
        static let epollPwait2 = 441
        #if arch(x86_64)
            static let schedSetscheduler = 144
            static let (epollWait, epollPwait, accept4, preadv2, sendfile, eventfd2) = (232, 281, 288, 327, 40, 290)
        #else
            static let schedSetscheduler = 119
            static let (epollWait, epollPwait, accept4, preadv2, sendfile, eventfd2) = (22, 22, 242, 286, 71, 19)
        #endif
    }

    /// The output of a program whose calls fail in this way.
    private func lines(of scenario: String, refusing calls: [Int], with error: Int32) async throws -> [String] {
        let numbers = calls.map { "\($0)" }.joined(separator: ",")
        let outcome = try await Program.run("faulty-program", ["refuse", "\(error)", numbers, scenario])
        #expect(outcome.status == 0)
        return outcome.lines
    }

    nonisolated private static let errors = [EPERM, EACCES, ENOSYS]

    @Test(arguments: errors) func timersGoOnWithoutEpollPwait2(error: Int32) async throws {
        #expect(try await lines(of: "timers", refusing: [Call.epollPwait2], with: error) == ["slept in few turns"])
    }

    @Test(arguments: errors) func serversAcceptWithoutAccept4(error: Int32) async throws {
        // No known filter answers accept4 with EACCES.
        let error = error == EACCES ? EPERM : error
        #expect(try await lines(of: "serve", refusing: [Call.accept4], with: error) == ["answer: hello"])
    }

    @Test(arguments: errors) func childrenLiveWithoutNewerCalls(error: Int32) async throws {
        let lines = try await lines(of: "child", refusing: [Call.pidfdSendSignal, Call.closeRange], with: error)
        #expect(lines == ["the child has it: false", "ended with -15"])
    }

    @Test(arguments: errors) func filesAreReadAndSentWithoutNewerCalls(error: Int32) async throws {
        let calls = [Call.ioUringSetup, Call.openat2, Call.preadv2, Call.sendfile]
        #expect(
            try await lines(of: "files", refusing: calls, with: error) == [
                "read 14 bytes", "one two three", "sent 14: 14 came",
            ])
    }

    @Test(arguments: errors) func aPollerThatFailsForGoodEndsTheRunWithItsError(error: Int32) async throws {
        let lines = try await lines(
            of: "poller", refusing: [Call.epollWait, Call.epollPwait, Call.epollPwait2], with: error)
        #expect(lines.count == 3)
        #expect(lines.first == "cleaned up")
        #expect(lines.dropFirst().first?.contains("waiting for events, which the system does not permit") == true)
        #expect(lines.last == "0 reports")
    }

    @Test func aLoopThatCannotBeMadeSaysWhy() async throws {
        let lines = try await lines(of: "timers", refusing: [Call.eventfd2], with: EPERM)
        #expect(lines.count == 1)
        #expect(lines.first?.contains("cannot create the event loop's poller") == true)
    }

    @Test func aLoopWhoseSchedulingIsRefusedSaysWhatToDo() async throws {
        let lines = try await lines(of: "batch", refusing: [Call.schedSetscheduler], with: EPERM)
        #expect(lines.count == 2)
        #expect(lines.first?.contains("if a container does not permit SCHED_BATCH, use .normal") == true)
        #expect(lines.last == "a normal loop runs: true")
    }
}
