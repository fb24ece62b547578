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
            var served: [String] = []
            func cook(_ dish: String, _ time: Duration) async throws {
                try await sleep(time)
                served.append(dish) // no lock: one thread
            }
            AsyncIO.main {
                try await gather(
                    { try await cook("rice", .milliseconds(200)) },
                    { try await cook("fish", .milliseconds(100)) })
                print("served: \(served.joined(separator: ", "))")
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

    /// The first block of the README in a language.
    private func block(_ language: String) throws -> String {
        let parts = try file("README.md").components(separatedBy: "```\(language)\n")
        return try #require(parts.dropFirst().first?.components(separatedBy: "```").first)
    }

    private func file(_ path: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
        return try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }
}
