import AsyncIO
import AsyncIOTesting
import Foundation
import Glibc
import SystemPackage
import Testing

/// Standard input and output of every kind in programs: `Tests/Programs/StandardStreams`.
@Suite(.eventLoop) struct StandardStreamTests {
    private let program: String = {
        let here = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        return here.deletingLastPathComponent().appendingPathComponent("standard-streams-program").path
    }()

    /// Runs a line of the shell in which `P` stands for the program.
    private func shell(_ line: String, input: String = "") async throws -> (output: String, errors: String) {
        try await withSubprocess(
            shell: "P='\(program)'; \(line)", stdin: .pipe, stdout: .pipe, stderr: .pipe
        ) { process in
            let (output, errors) = try await process.communicate(input)
            #expect(try await process.wait() == 0, "\(line)")
            return (text(output ?? []), text(errors ?? []))
        }
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    private func withDirectory(_ body: (String) async throws -> Void) async throws {
        let path = NSTemporaryDirectory() + "streams-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await body(path)
    }

    /// 3 MB, which is more than any buffer holds.
    private let large = String(repeating: "a line of some length\n", count: 140_000)

    @Test func pipesAreCopied() async throws {
        let (output, errors) = try await shell("exec $P copy", input: large)
        #expect(output == large)
        #expect(errors == "copied \(large.utf8.count)\n")
    }

    @Test func filesAreCopied() async throws {
        try await withDirectory { directory in
            try await writeFile("\(directory)/in", large)
            let (_, errors) = try await shell("exec $P copy < \(directory)/in > \(directory)/out")
            #expect(errors == "copied \(large.utf8.count)\n")
            #expect(try await readText("\(directory)/out") == large)
            let appended = try await shell("echo more | $P copy >> \(directory)/out 2> \(directory)/errors")
            #expect(appended.output == "")
            #expect(try await readText("\(directory)/out") == large + "more\n")
            #expect(try await readText("\(directory)/errors") == "copied 5\n")
        }
    }

    @Test func aFilesPositionIsSharedWithTheShell() async throws {
        try await withDirectory { directory in
            try await writeFile("\(directory)/in", "first\nsecond\n")
            let (_, errors) = try await shell(
                "{ read -r line; echo one; $P copy; echo two; } < \(directory)/in > \(directory)/out")
            #expect(errors == "copied 7\n")
            #expect(try await readText("\(directory)/out") == "one\nsecond\ntwo\n")
        }
    }

    @Test func devNullIsAtItsEndAndTakesEverything() async throws {
        #expect(try await shell("exec $P copy < /dev/null").errors == "copied 0\n")
        #expect(try await shell("echo text | $P copy > /dev/null").errors == "copied 5\n")
        #expect(try await shell("exec $P lines < /dev/null").output == "0 lines\n")
    }

    @Test func whatIsClosedIsAsDevNull() async throws {
        #expect(try await shell("exec $P copy <&-").errors == "copied 0\n")
        #expect(try await shell("echo text | $P copy >&-").errors == "copied 5\n")
        #expect(try await shell("exec $P copy <&- >&- 2>&-").errors == "")
    }

    @Test func aFullDeviceIsAnError() async throws {
        let (output, _) = try await shell("echo text | $P copy > /dev/full 2>&1; echo $?")
        #expect(output == "1\n")
        let (_, errors) = try await shell("echo text | $P copy > /dev/full || true")
        #expect(errors == "error: OSError: writing to file: No space left on device (errno 28)\n")
    }

    @Test func aSocketIsReadAndWritten() async throws {
        var ends: [Int32] = [-1, -1]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let process = try await createSubprocess(
            program, arguments: ["copy"], stdin: .descriptor(ends[1]), stdout: .descriptor(ends[1]), stderr: .pipe)
        close(ends[1])
        let (reader, writer) = (try openReader(descriptor: dup(ends[0])), try openWriter(descriptor: dup(ends[0])))
        try await writer.write("to and fro\n")
        #expect(text(try await reader.readLine()) == "to and fro\n")
        shutdown(ends[0], Int32(SHUT_WR))
        #expect(text(try await process.communicate().stderr ?? []) == "copied 11\n")
        writer.close()
        close(ends[0])
    }

    @Test func aTerminalIsReadAndWritten() async throws {
        var options = SubprocessOptions()
        options.terminal = TerminalSize()
        let process = try await createSubprocess(program, arguments: ["copy"], options: options)
        let terminal = try #require(process.terminal)
        try await terminal.writer.write("typed\n\u{4}")
        let lines = text(try await terminal.reader.read()).split(whereSeparator: \.isNewline)
        // Once from the echo, and once from the copy.
        #expect(lines == ["typed", "typed", "copied 6"])
        #expect(try await process.wait() == 0)
    }

    @Test(arguments: ["| cat", "> /dev/null; echo written", "2>&1 | cat"])
    func othersFindTheDescriptorsBlocking(_ redirection: String) async throws {
        let (output, _) = try await shell("$P both \(redirection)", input: "text")
        if redirection.hasSuffix("cat") {
            #expect(output == "written\nprinted [false, false]\nwritten again\nprinted after close\n")
        }
    }

    @Test func itMayBeOpenedAgain() async throws {
        #expect(try await shell("exec $P twice").output == "one\ntwo\n")
    }

    @Test func aFileOrASlowReaderHoldsNobodyUp() async throws {
        #expect(try await shell("$P beside | { sleep 0.2; cat > /dev/null; }").errors == "turned\n")
    }

    @Test(arguments: [("/dev/null", 0), ("/proc/self/comm", 6)])
    func openReaderTakesFilesAndDevicesToo(_ path: String, count: Int) async throws {
        let (output, _) = try await shell("exec $P descriptor < \(path)")
        #expect(output.hasPrefix("read \(count == 0 ? "0" : "")"))
        #expect(output.hasSuffix(" bytes\n"))
    }

    // MARK: Files as streams, in this process

    @Test func aStreamOverAFileEndsAndCloses() async throws {
        try await withDirectory { directory in
            let path = "\(directory)/file"
            let output = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
            let writer = try openWriter(descriptor: output)
            try await writer.write("one\n")
            #expect(try await readText(path) == "one\n")
            try await writer.writeLines([Array("two\n".utf8), Array("three\n".utf8)])
            writer.close()
            try await writer.waitClosed()
            #expect(fcntl(output, F_GETFD) < 0)
            #expect(try await readText(path) == "one\ntwo\nthree\n")
            await #expect(throws: (any Error).self) { try await writer.write("more") }

            let input = open(path, O_RDONLY | O_CLOEXEC)
            let reader = try openReader(descriptor: input)
            var lines: [String] = []
            for try await line in reader.lines { lines.append(line) }
            #expect(lines == ["one", "two", "three"])
            #expect(try await reader.read().isEmpty)
        }
    }

    @Test func readingAWriteOnlyFileIsItsError() async throws {
        try await withDirectory { directory in
            let file = open("\(directory)/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
            let reader = try openReader(descriptor: file)
            let error = await #expect(throws: OSError.self) { try await reader.read() }
            #expect(error?.code == .badFileDescriptor)
        }
    }

    @Test func aReaderThatIsCancelledLosesNothing() async throws {
        let file = open("/proc/self/comm", O_RDONLY | O_CLOEXEC)
        let reader = try openReader(descriptor: file)
        let reading = createTask { try await reader.readLine() }
        try await sleep(.zero)
        reading.cancel()
        let early = try? await reading.value
        let late = early == nil ? try await reader.readLine() : []
        #expect((early ?? late).last == UInt8(ascii: "\n"))
    }

    @Test(arguments: FileBackend.available)
    func aLargeWriteToAFileLeavesOthersTheirTurns(backend: FileBackend) async throws {
        try await withDirectory { directory in
            let loop = try EventLoop.running
            try loop.useFileBackend(backend)
            let file = open("\(directory)/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
            let writer = try openWriter(descriptor: file)
            let before = loop.turns
            try await writer.write([UInt8](repeating: 120, count: 64 * 65_536))
            #expect(loop.turns - before >= 64)
            writer.close()
            try await writer.waitClosed()
            #expect(try await readFile("\(directory)/file").count == 64 * 65_536)
        }
    }

    @Test func abortWaitsForTheRequestOnItsWayBeforeItClosesTheDescriptor() async throws {
        try await withDirectory { directory in
            let file = open("\(directory)/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
            let writer = try openWriter(descriptor: file)
            let writing = createTask { try await writer.write([UInt8](repeating: 120, count: 1_000_000)) }
            try await sleep(.zero)
            writer.abort()
            await #expect(throws: (any Error).self) { try await writing.value }
            // The descriptor is closed in the end.
            while fcntl(file, F_GETFD) >= 0 { try await sleep(.milliseconds(1)) }
        }
    }
}
