import AsyncIO
import AsyncIOTesting
import Foundation
import Testing

@Suite(.eventLoop) struct SupervisorTests {
    private func withSupervisor(
        _ commands: String, _ arguments: String..., body: (AsyncSubprocess) async throws -> Void
    ) async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("commands-\(UUID())")
        try commands.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        try await withSubprocess(program("supervisor"), arguments: [file.path] + arguments, stdout: .pipe, body)
    }

    /// Returns the first `count` lines for which `isMeant` is true.
    private func lines(_ count: Int, of process: AsyncSubprocess, where isMeant: (String) -> Bool) async throws
        -> [String]
    {
        var found: [String] = []
        while found.count < count {
            guard let line = try await process.stdout?.readTextLine() else { break }
            if isMeant(line) { found.append(line) }
        }
        return found
    }

    @Test func commandsAreKeptRunningWithPausesThatDouble() async throws {
        try await withSupervisor("# not a command\n\necho one; exit 7\n", "--pause", "0.05") { process in
            let ends = try await lines(3, of: process) { $0.contains("ended") }
            #expect(ends[0].contains("ended with 7, restarting in 0.05 seconds: echo one; exit 7"))
            #expect(ends[1].contains("in 0.1 seconds"))
            #expect(ends[2].contains("in 0.2 seconds"))
        }
    }

    @Test func signalsAreHandedOnAndSIGTERMEndsAll() async throws {
        let commands = """
            trap 'echo reloaded' HUP; echo up; while :; do sleep 0.02; done
            sleep 60
            """
        try await withSupervisor(commands) { process in
            #expect(try await lines(1, of: process) { $0 == "up" } == ["up"])
            try process.sendSignal(.hangUp)
            #expect(try await lines(1, of: process) { $0 == "reloaded" } == ["reloaded"])
            try process.terminate()
            #expect(try await process.wait() == 0)
        }
    }

    @Test(arguments: [
        ("/no/such/file", "No such file or directory"), (NSTemporaryDirectory(), "Is a directory"),
    ]) func aFileThatCannotBeReadIsNamedInOneLine(file: String, reason: String) async throws {
        let process = try await createSubprocess(program("supervisor"), arguments: [file], stderr: .pipe)
        let text = String(decoding: try await process.communicate().stderr ?? [], as: UTF8.self)
        #expect(process.returnCode == 1)
        #expect(text.hasPrefix("Error: ") && text.contains(file) && text.contains(reason), "\(text)")
        #expect(text.split(separator: "\n").count == 1)
    }

    @Test func itExplainsItselfAndWhatIsWrong() async throws {
        let help = try await createSubprocess(program("supervisor"), arguments: ["--help"], stdout: .pipe)
        let (text, _) = try await help.communicate()
        #expect(String(decoding: text ?? [], as: UTF8.self).contains("Keeps the commands of a file running."))
        try await withSupervisor("# nothing\n") { process in
            let code = try await process.wait()
            #expect(code != 0)
        }
    }
}

/// Returns the path of an example program.
func program(_ name: String) -> String {
    let here = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    return here.appendingPathComponent(name).path
}
