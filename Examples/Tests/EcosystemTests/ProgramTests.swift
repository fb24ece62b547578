import AsyncIO
import AsyncIOTesting
import Foundation
import Testing

/// Tests the programs as they are.
@Suite(.eventLoop, .serialized) struct ProgramTests {
    private func program(_ name: String) -> String {
        let here = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        return here.appendingPathComponent(name).path
    }

    private func output(of name: String, _ arguments: String...) async throws -> (text: String, status: Int32) {
        let process = try await createSubprocess(program(name), arguments: arguments, stdout: .pipe)
        let (output, _) = try await process.communicate()
        return (String(decoding: output ?? [], as: UTF8.self), try await process.wait())
    }

    private func line(of reader: StreamReader?) async throws -> String {
        try #require(try await reader?.readTextLine())
    }

    /// Returns the port at the end of a line.
    private func port(_ line: String) throws -> Int {
        try #require(Int(line.split(separator: ":").last ?? ""))
    }

    @Test(arguments: ["metrics-server", "service-group", "traced-requests"])
    func everyProgramExplainsItself(name: String) async throws {
        let help = try await output(of: name, "--help")
        #expect(help.status == 0)
        #expect(help.text.hasPrefix("OVERVIEW: "))
        #expect(help.text.contains("USAGE: \(name) "))
    }

    @Test(.requires(.curl)) func metricsAreThereForPrometheus() async throws {
        try await withSubprocess(program("metrics-server"), arguments: ["--every", "0.02"], stdout: .pipe) { process in
            #expect(try await line(of: process.stdout) == "READY")
            let echo = try await port(line(of: process.stdout))
            let http = try await port(line(of: process.stdout))
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: echo)
            try await writer.write("hello\n")
            #expect(try await reader.readTextLine() == "hello")
            try await retry(attempts: 100, backoff: Backoff(initial: .milliseconds(20), factor: 1)) {
                let curl = try await createSubprocess(
                    "curl", arguments: ["-fsS", "http://127.0.0.1:\(http)/metrics"], stdout: .pipe)
                let text = String(decoding: try await curl.communicate().stdout ?? [], as: UTF8.self)
                // There can be two connections: this one, and curl's at the time of the report.
                guard text.contains("asyncio_connections{loop=\"echo\"} ") else { throw TimeoutError() }
                let received = text.split(separator: "\n").first { $0.hasPrefix("asyncio_received_bytes") }
                guard let received, let count = Double(received.split(separator: " ")[1]), count >= 6 else {
                    throw TimeoutError()
                }
            }
            writer.close()
            try process.terminate()
            #expect(try await process.wait() == 0)
        }
    }

    @Test func aServiceGroupEndsInOrderOnSIGTERM() async throws {
        try await withSubprocess(
            program("service-group"), arguments: ["--grace", "20"], stdout: .pipe, stderr: .devNull
        ) { process in
            #expect(try await line(of: process.stdout) == "READY")
            let port = try await port(line(of: process.stdout))
            // The server listens as soon as the group runs it.
            let (reader, writer) = try await retry(
                attempts: 100, backoff: Backoff(initial: .milliseconds(20), factor: 1)
            ) {
                try await openConnection(host: "127.0.0.1", port: port)
            }
            try await writer.write("hello\n")
            #expect(try await line(of: reader) == "5")
            try process.terminate()
            #expect(try await line(of: process.stdout) == "shutting down after 1 lines")
            // The server accepts no new connections, and continues to serve the open one.
            try await retry(attempts: 100, backoff: Backoff(initial: .milliseconds(20), factor: 1)) {
                do { try await openConnection(host: "127.0.0.1", port: port).1.close() } catch { return }
                throw TimeoutError()
            }
            try await writer.write("bye\n")
            #expect(try await line(of: reader) == "3")
            writer.close()
            #expect(try await line(of: process.stdout) == "served 2 lines")
            #expect(try await process.wait() == 0)
        }
    }

    @Test func theSpansOfARequestAreOneTree() async throws {
        let one = """
              audit
              digest
              find user
                query

            """
        let traced = try await output(of: "traced-requests", "--requests", "2")
        #expect(traced.text == "request 1\n" + one + "request 2\n" + one)
        #expect(traced.status == 0)
    }
}
