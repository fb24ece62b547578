// The code of Sources/AsyncIO/AsyncIO.docc/SubprocessesAndSignals.md.

import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.eventLoop) struct Subprocesses {
    @Test func communicate() async throws {
        let sort = try await createSubprocess("sort", arguments: ["-n"], stdin: .pipe, stdout: .pipe)
        let (sorted, _) = try await sort.communicate("10\n9\n")
        #expect(sorted == Array("9\n10\n".utf8))
        #expect(sort.returnCode == 0)
    }

    @Test func scoped() async throws {
        var seen: [String] = []
        let status = try await withSubprocess(shell: "for i in 1 2 3; do echo $i; done", stdout: .pipe) { process in
            if let output = process.stdout {
                for try await line in output.lines { seen.append(line) }
            }
            return try await process.wait()
        }
        #expect(seen == ["1", "2", "3"] && status == 0)
    }

    @Test func limits() async throws {
        do {
            try await withTimeout(.milliseconds(200)) {
                try await withSubprocess("sleep", arguments: ["3600"], grace: .seconds(2)) { process in
                    try await process.wait()
                }
            }
        } catch is TimeoutError {
            // The child was terminated and reaped: no process is left.
        }
    }

    @Test func terminals() async throws {
        var options = SubprocessOptions()
        options.terminal = TerminalSize(columns: 100, rows: 40)
        let process = try await createSubprocess("stty", arguments: ["size"], options: options)
        let size = try await process.terminal?.reader.readText(until: "\r\n")
        #expect(size == "40 100")
        try await process.wait()
        process.terminal?.close()
    }

    func readConfiguration() {}

    func handlers() async throws {
        for try await signal in try signals(.terminate, .interrupt, .hangUp) {
            guard signal == .hangUp else { break }
            readConfiguration()
        }
    }

    @Test func callbacks() async throws {
        let loop = try EventLoop.running
        var sizeChanged = false
        try loop.addSignalHandler(.windowChange) { sizeChanged = true }
        try loop.removeSignalHandler(.windowChange)
        #expect(!sizeChanged)
    }
}
