// The code of README.md. The table with two programs side by side has the same program in Python,
// and the block below it is what both answer.

import AsyncIO
import AsyncIOTesting
import Foundation
import Testing

@Suite struct ReadMe {
    /// Stands for the server in the first program: it has a free port, and a client instead of `nc`.
    private struct ServerWithClient {
        let server: Server
        let exchange: (String, Int) async throws -> Void

        func serveForever() async throws {
            try await exchange("127.0.0.1", server.port)
            server.close()
            try await server.waitClosed()
        }
    }

    @Test func theFirstProgramAnswersAsTheReadMeShows() throws {
        var answer = ""
        func startServer(
            port: Int, _ handler: @escaping (StreamReader, StreamWriter) async throws -> Void
        ) async throws -> ServerWithClient {
            #expect(port == 8888)
            let server = try await AsyncIO.startServer(host: "127.0.0.1", port: 0, handler)
            return ServerWithClient(server: server) { answer = try await Self.answer(of: $0, port: $1) }
        }
        EventLoop.outsideOfAnyLoop {
            var count = 0 // shared, without a lock

            AsyncIO.main {
                try await startServer(port: 8888) { reader, writer in
                    for try await line in reader.lines {
                        count += 1
                        try await writer.write("\(count): \(line)\n")
                    }
                }.serveForever()
            }
        }
        #expect(answer == (try shownAnswer()))
    }

    @Test(.eventLoop, .requires(.python3)) func thePythonProgramBesideItAnswersTheSame() async throws {
        // The test needs a free port, and has to know it.
        let program = try block("python").replacing("port=8888", with: "host=\"127.0.0.1\", port=0").replacing(
            "    await server.serve_forever()",
            with: """
                    print(server.sockets[0].getsockname()[1], flush=True)
                    await server.serve_forever()
                """)
        try await withSubprocess("python3", arguments: ["-c", program], stdout: .pipe) { python in
            let port = try #require(Int(try await python.stdout?.readTextLine() ?? ""))
            #expect(try await Self.answer(of: "127.0.0.1", port: port) == (try shownAnswer()))
            try python.kill()
        }
    }

    /// What a server answers to the two lines that the README sends.
    private static func answer(of host: String, port: Int) async throws -> String {
        let (reader, writer) = try await openConnection(host: host, port: port)
        try await writer.write("hello\nworld\n")
        try writer.writeEOF()
        let answer = try await reader.readText()
        writer.close()
        return answer
    }

    /// The lines that the README shows below the command.
    private func shownAnswer() throws -> String {
        let lines = try block("console").split(separator: "\n")
        #expect(lines.first == #"$ printf 'hello\nworld\n' | nc -N localhost 8888"#)
        return lines.dropFirst().joined(separator: "\n") + "\n"
    }

    @Test func theTerminalPictureNamesTheLinesInWhichTheExampleWaits() throws {
        let source = try file("Examples/faults/deadlock.swift").components(separatedBy: "\n")
        let line = try #require(source.firstIndex { $0.contains("try await target.lock.withLock") }) + 1
        let picture = try file("Documentation/terminal.svg")
        #expect(picture.contains("\"there\" waits at deadlock.swift:\(line) for Lock.acquire()"))
        #expect(picture.contains("\"back\" waits at deadlock.swift:\(line) for Lock.acquire()"))
    }

    @Test func theCountsInTheReadMeAreThoseOfTheRepository() throws {
        let scenarios = try names(in: "Tests/Oracle/corpus").filter { $0.hasSuffix(".jsonl") }.reduce(0) { sum, name in
            sum + (try file("Tests/Oracle/corpus/\(name)").split(separator: "\n").count)
        }
        let misuses = try names(in: "Tests/CompileFail").count { name in
            try name.hasSuffix(".swift") && file("Tests/CompileFail/\(name)").contains("// error: ")
        }
        let text = try file("README.md")
        #expect(text.contains("\(scenarios / 1_000),\(String(scenarios % 1_000 + 1_000).dropFirst()) scenarios"))
        #expect(text.contains(" \(misuses) kinds of misuse"))
    }

    /// The first block of the README in a language.
    private func block(_ language: String) throws -> String {
        let parts = try file("README.md").components(separatedBy: "```\(language)\n")
        return try #require(parts.dropFirst().first?.components(separatedBy: "```").first)
    }

    private func file(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    private func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path)
    }

    private let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
}
