// The code of README.md. The table with two programs side by side has the same program in Python,
// and the block below it is what both print.

import AsyncIO
import AsyncIOTesting
import Foundation
import Testing

@Suite struct ReadMe {
    @Test func theFirstProgramPrintsWhatTheReadMeShows() throws {
        var printed = ""
        func print(_ text: String) { printed += text + "\n" }
        EventLoop.outsideOfAnyLoop {
            var count = 0 // shared, without a lock

            AsyncIO.main {
                let server = try await startServer(
                    host: "127.0.0.1", port: 0
                ) { reader, writer in
                    for try await line in reader.lines {
                        count += 1
                        let reply = "\(count): \(line)\n"
                        try await writer.write(reply)
                    }
                }
                try await withTimeout(.seconds(5)) {
                    let (reader, writer) =
                        try await openConnection(
                            to: .addresses(server.addresses))
                    try await writer.write("hello\nworld\n")
                    try writer.writeEOF()
                    for try await line in reader.lines {
                        print(line)
                    }
                }
            }
        }
        #expect(printed == (try block("text")))
    }

    @Test(.eventLoop, .requires(.python3)) func thePythonProgramBesideItPrintsTheSame() async throws {
        let output = try await withSubprocess(
            "python3", arguments: ["-c", try block("python")], stdout: .pipe
        ) { python in
            try await python.communicate().stdout
        }
        #expect(String(decoding: output ?? [], as: UTF8.self) == (try block("text")))
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
