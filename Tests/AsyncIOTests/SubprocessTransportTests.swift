import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

@Suite(.eventLoop) struct SubprocessTransportTests {
    /// Records the calls that it receives.
    private final class Recorder: SubprocessProtocol {
        var transport: SubprocessTransport?
        var calls: [String] = []
        var received: [Int32: [UInt8]] = [:]
        let exited = Event()
        let ended = Event()

        func connectionMade(_ transport: SubprocessTransport) {
            self.transport = transport
            calls.append("made")
        }
        func pipeDataReceived(_ descriptor: Int32, _ bytes: [UInt8]) {
            if received[descriptor] == nil { calls.append("data \(descriptor)") }
            received[descriptor, default: []] += bytes
        }
        func pipeConnectionLost(_ descriptor: Int32, _ error: (any Error)?) { calls.append("lost \(descriptor)") }
        func processExited() {
            calls.append("exited \(transport?.returnCode ?? -99)")
            exited.set()
        }
        func connectionLost(_ error: (any Error)?) {
            calls.append("end")
            ended.set()
        }
        func pauseWriting() { calls.append("pause") }
        func resumeWriting() { calls.append("resume") }

        func text(_ descriptor: Int32) -> String { String(decoding: received[descriptor] ?? [], as: UTF8.self) }
    }

    @Test func aProtocolIsToldOfDataEndsAndExitInOrder() async throws {
        let loop = try EventLoop.running
        let before = Process.descriptors
        let (transport, recorder) = try await loop.subprocessExec(
            "/bin/sh", arguments: ["-c", "cat; echo err >&2; exit 3"]
        ) { Recorder() }
        #expect(recorder.calls == ["made"])
        #expect(transport.returnCode == nil)
        let stdin = try #require(transport.pipeTransport(0))
        #expect(transport.pipeTransport(1) != nil && transport.pipeTransport(3) == nil)
        try stdin.write("hello\n")
        try stdin.writeEOF()
        try await recorder.ended.wait()
        #expect(recorder.text(1) == "hello\n" && recorder.text(2) == "err\n")
        #expect(recorder.calls.first == "made" && recorder.calls.last == "end")
        #expect(
            recorder.calls.sorted() == [
                "data 1", "data 2", "end", "exited 3", "lost 0", "lost 1", "lost 2", "made",
            ])
        #expect(transport.isClosing && transport.returnCode == 3)
        #expect(Process.opened(since: before) == [])
    }

    @Test func aShellsCommandLineIsStartedToo() async throws {
        let (transport, recorder) = try await EventLoop.running.subprocessShell(
            "echo $A; read x", stdin: .pipe, stdout: .pipe, stderr: .devNull, options: .init(environment: ["A": "b"])
        ) { Recorder() }
        try await eventually { !recorder.received.isEmpty }
        #expect(recorder.text(1) == "b\n")
        #expect(transport.pipeTransport(2) == nil)
        transport.close()
        try await recorder.ended.wait()
    }

    @Test func theExitMayBeToldBeforeTheLastDataAndTheEndComesAfterBoth() async throws {
        // A grandchild holds the pipe, and writes after the child has ended.
        let (transport, recorder) = try await EventLoop.running.subprocessShell(
            "exec 3<&0; (read line <&3; echo late) & exit 0", stdin: .pipe, stdout: .pipe, stderr: .devNull
        ) { Recorder() }
        try await recorder.exited.wait()
        #expect(try await transport.wait() == 0)
        #expect(!recorder.ended.isSet)
        try transport.pipeTransport(0)?.write("go\n")
        try await eventually { !recorder.received.isEmpty }
        try await recorder.ended.wait()
        #expect(recorder.calls.last == "end")
        let exit = try #require(recorder.calls.firstIndex(of: "exited 0"))
        #expect(exit < (try #require(recorder.calls.firstIndex(of: "data 1"))))
    }

    @Test func closingKillsAChildThatRuns() async throws {
        let (transport, recorder) = try await EventLoop.running.subprocessExec("sleep", arguments: ["60"]) {
            Recorder()
        }
        transport.close()
        transport.close()
        #expect(transport.isClosing)
        #expect(try await transport.wait() == -9)
        try await recorder.ended.wait()
        #expect(recorder.calls.last == "end")
    }

    @Test func closingDoesNothingToOneThatHasEnded() async throws {
        let (transport, recorder) = try await EventLoop.running.subprocessExec("true") { Recorder() }
        try await recorder.ended.wait()
        transport.close()
        #expect(transport.returnCode == 0)
        #expect(throws: ProcessLookupError.self) { try transport.kill() }
    }

    @Test func theProtocolIsPausedWhenTheChildDoesNotRead() async throws {
        let (transport, recorder) = try await EventLoop.running.subprocessShell(
            "read line <&3; cat > /dev/null", stdout: .devNull, stderr: .devNull, options: try gate.options
        ) { Recorder() }
        let stdin = try #require(transport.pipeTransport(0))
        try stdin.write([UInt8](repeating: 0, count: 1_000_000))
        #expect(recorder.calls == ["made", "pause"])
        gate.open()
        try await eventually { recorder.calls.last == "resume" }
        transport.close()
        try await recorder.ended.wait()
    }

    /// Lets a child continue when it reads its descriptor 3.
    private let gate = Gate()
    private final class Gate {
        private let pipe = try? Pipe()
        var options: SubprocessOptions {
            get throws {
                var options = SubprocessOptions()
                // A blocking descriptor, as a shell expects.
                let reader = try #require(pipe).reader
                _ = fcntl(reader, F_SETFL, 0)
                options.descriptors = [3: reader]
                return options
            }
        }
        func open() { pipe?.send(0x0A) }
    }

    @Test func cancellingTheStartKillsAndReapsTheChild() async throws {
        let loop = try EventLoop.running
        let before = Process.descriptors
        let recorder = Recorder()
        let task = createTask {
            _ = try await loop.subprocessExec("sleep", arguments: ["60"]) { recorder }
        }
        try await sleep(.zero)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let pid = try #require(recorder.transport?.pid)
        #expect(recorder.transport?.returnCode == -9)
        #expect(kill(pid, 0) == -1 && errno == ESRCH)
        try await recorder.ended.wait()
        #expect(Process.opened(since: before) == [])
    }

    @Test func whatCannotBeStartedLeavesNothing() async throws {
        let loop = try EventLoop.running
        let before = Process.descriptors
        let error = await #expect(throws: OSError.self) {
            _ = try await loop.subprocessExec("no-such-program") { Recorder() }
        }
        #expect(error?.code == .noSuchFileOrDirectory)
        await #expect(throws: TestError("factory")) {
            _ = try await loop.subprocessExec("true") { () throws -> Recorder in throw TestError("factory") }
        }
        var options = SubprocessOptions()
        options.terminal = TerminalSize()
        await #expect(throws: ValueError.self) {
            _ = try await loop.subprocessExec("true", options: options) { Recorder() }
        }
        #expect(Process.opened(since: before) == [])
    }
}
