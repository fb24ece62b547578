import AsyncIO
import AsyncIOTesting
import Glibc
import SystemPackage
import Testing

@Suite(.eventLoop) struct PseudoTerminalTests {
    private func start(
        _ program: String, _ arguments: [String] = [], stderr: SubprocessStream = .inherit,
        size: TerminalSize = TerminalSize()
    ) async throws -> (AsyncSubprocess, PseudoTerminal) {
        var options = SubprocessOptions()
        options.terminal = size
        let process = try await createSubprocess(program, arguments: arguments, stderr: stderr, options: options)
        return (process, try #require(process.terminal))
    }

    @Test(.requires(.python3)) func aChildWithATerminalSaysSo() async throws {
        let (process, terminal) = try await start(
            "python3",
            ["-c", "import os; print([os.isatty(fd) for fd in (0, 1, 2)], os.ttyname(0) == os.ctermid() or True)"])
        #expect(text(try await terminal.reader.read()) == "[True, True, True] True\r\n")
        #expect(try await process.wait() == 0)
    }

    @Test func itHasTheSizeThatWasAskedForAndCanBeResized() async throws {
        let (process, terminal) = try await start(
            "/bin/sh", ["-c", "trap 'stty size; exit' WINCH; stty size; while :; do sleep 0.02; done"],
            size: TerminalSize(columns: 91, rows: 17))
        #expect(text(try await terminal.reader.readLine()) == "17 91\r\n")
        try terminal.resize(to: TerminalSize(columns: 100, rows: 40))
        #expect(text(try await terminal.reader.readLine()) == "40 100\r\n")
        #expect(try await process.wait() == 0)
        #expect(throws: ValueError.self) { try terminal.resize(to: TerminalSize(columns: 0, rows: 0)) }
    }

    @Test func whatIsTypedIsReadAndEchoed() async throws {
        let (process, terminal) = try await start("cat")
        try await terminal.writer.write("hello\n")
        #expect(text(try await terminal.reader.readLine()) == "hello\r\n")
        #expect(text(try await terminal.reader.readLine()) == "hello\r\n")
        try await terminal.writer.write("\u{4}")
        #expect(try await process.wait() == 0)
        #expect(try await terminal.reader.read() == [])
    }

    @Test func readingPiecemealGetsEverythingThatIsThere() async throws {
        // All of it is in the terminal, which returns less than requested, and nothing more
        // arrives.
        let (process, terminal) = try await start("/bin/sh", ["-c", "printf '%03500d' 0; exec sleep 50"])
        var count = 0
        while count < 3_500 { count += try await terminal.reader.read(2_000).count }
        #expect(count == 3_500)
        try process.kill()
        #expect(try await process.wait() == -9)
    }

    @Test func ctrlCInterruptsWhatRunsThere() async throws {
        let (process, terminal) = try await start("/bin/sh", ["-c", "echo ready; exec sleep 50"])
        #expect(text(try await terminal.reader.readLine()) == "ready\r\n")
        try await terminal.writer.write("\u{3}")
        #expect(try await process.wait() == -2)
    }

    @Test func aStreamMayLeadElsewhere() async throws {
        let (process, terminal) = try await start("/bin/sh", ["-c", "echo out; echo err >&2"], stderr: .pipe)
        #expect(text(try await terminal.reader.read()) == "out\r\n")
        #expect(text(try await process.stderr?.read() ?? []) == "err\n")
        #expect(try await process.wait() == 0)
    }

    @Test func closingItHangsUp() async throws {
        let before = Process.descriptors
        do {
            let (process, terminal) = try await start("sleep", ["50"])
            terminal.close()
            #expect(try await process.wait() == -1)
        }
        #expect(Process.opened(since: before) == [])
    }
}
