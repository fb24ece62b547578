import AsyncIO
import AsyncIOTesting
import Foundation
import Glibc
import Testing

/// The tool `asyncio`: its messages if there is nothing to show, and its live view.
@Suite(.eventLoop, .serialized)
struct ToolTests {
    func tool(_ arguments: String...) async throws -> LiveProgram.Outcome {
        try await toThread { try LiveProgram.run("asyncio", arguments) }
    }

    @Test(arguments: ["ps", "pstree", "top", "dump"])
    func aProcessThatIsNotThereIsOneLine(command: String) async throws {
        // No process has this ID, because the kernel's limit is lower.
        let outcome = try await tool(command, "4194305")
        #expect(outcome.error == "asyncio: there is no process 4194305\n")
        #expect(outcome.status == 1)
        #expect(outcome.output.isEmpty)
    }

    @Test func whatIsNoProcessNumberIsAMistake() async throws {
        let outcome = try await tool("ps", "0")
        #expect(outcome.error.contains("pid must be positive, got 0"))
        #expect(outcome.status != 0)
    }

    @Test func aProgramThatTakesNoPartIsOneLineThatSaysWhatToDo() async throws {
        let outcome = try await toThread {
            let program = try LiveProgram("faults", ["leak"], environment: ["ASYNCIO_INSPECT": "0"])
            program.wait(for: "ready")
            let outcome = try LiveProgram.run("asyncio", ["ps", "\(program.pid)"])
            return (outcome, program.terminate(), program.pid)
        }
        #expect(
            outcome.0.error
                == "asyncio: process \(outcome.2) (faults) does not allow inspection; start it with ASYNCIO_INSPECT=1, "
                + "or call allowInspection() in it\n")
        #expect(outcome.0.status == 1)
    }

    @Test(.requires(.setpriv), .enabled(if: getuid() == 0, "only root can change its user"))
    func anotherUsersProcessIsOneLine() async throws {
        let outcome = try await toThread {
            let program = try LiveProgram("faults", ["leak"], environment: ["ASYNCIO_INSPECT": "1"])
            program.wait(for: "ready")
            let here = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            // A copy that the other user can read.
            let copy = "/tmp/asyncio-tool-\(program.pid)"
            try FileManager.default.copyItem(atPath: here.appendingPathComponent("asyncio").path, toPath: copy)
            defer { try? FileManager.default.removeItem(atPath: copy) }
            let process = Foundation.Process()
            process.executableURL = URL(fileURLWithPath: Requirement.path(of: "setpriv") ?? "setpriv")
            process.arguments = ["--reuid=65534", "--clear-groups", copy, "ps", "\(program.pid)"]
            process.currentDirectoryURL = URL(fileURLWithPath: "/")
            let pipe = Foundation.Pipe()
            process.standardError = pipe
            try process.run()
            let error = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return (error, program.terminate(), program.pid)
        }
        #expect(outcome.0 == "asyncio: process \(outcome.2) belongs to root; run this as that user, or as root\n")
    }

    @Test func dumpGivesJSON() async throws {
        let data = try await toThread {
            let program = try LiveProgram("faults", ["deadlock"], environment: ["ASYNCIO_INSPECT": "1"])
            program.wait(for: "ready")
            let outcome = try LiveProgram.run("asyncio", ["dump", "--json", "\(program.pid)"])
            _ = program.terminate()
            return Data(outcome.output.utf8)
        }
        let dump = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(dump["program"] as? String == "faults")
        let loops = try #require(dump["loops"] as? [[String: Any]])
        #expect(loops.count == 1)
        let tasks = try #require(loops[0]["tasks"] as? [[String: Any]])
        #expect(tasks.compactMap { $0["name"] as? String } == ["Task-1", "there", "back"])
        #expect(tasks[1]["waitsFor"] as? String == "Lock.acquire(), held by \"back\"")
        #expect(tasks[1]["awaitedBy"] as? [Int] == [1])
        #expect((tasks[1]["stack"] as? [[String: Any]])?.isEmpty == false)
        #expect((tasks[1]["since"] as? Int ?? 0) > 0)
        #expect(loops[0]["deadlocks"] as? [[Int]] == [[2, 3]])
        #expect((loops[0]["figures"] as? [String: Any])?["tasks"] as? Int == 3)
    }

    // MARK: top, in a terminal

    /// A terminal, provided by tmux.
    nonisolated struct Screen {
        let name: String

        init(running command: String, pid: Int32, columns: Int = 120, rows: Int = 24) throws {
            name = "asyncio-test-\(pid)"
            // tmux's server stays, with every descriptor that it inherited. Foundation's Process
            // would wait for it, because it takes the end of a pipe for the end of the child.
            let start = "tmux -L \(name) new-session -d -s \(name) -x \(columns) -y \(rows) '\(command)'"
            guard system("\(start) </dev/null >/dev/null 2>&1") == 0 else { throw ScreenError() }
        }

        struct ScreenError: Error {}

        private func client(_ arguments: [String]) -> Foundation.Process {
            let process = Foundation.Process()
            process.executableURL = URL(fileURLWithPath: Requirement.path(of: "tmux") ?? "tmux")
            // A server of its own, not the user's.
            process.arguments = ["-L", name] + arguments
            process.standardInput = FileHandle.nullDevice
            return process
        }

        @discardableResult
        func tmux(_ arguments: String...) throws -> String {
            let process = client(arguments)
            let pipe = Foundation.Pipe()
            process.standardOutput = pipe
            process.standardError = Foundation.Pipe()
            try process.run()
            let data = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return String(decoding: data, as: UTF8.self)
        }

        func press(_ key: String) throws { try tmux("send-keys", "-t", name, key) }

        var lines: [String] {
            get throws {
                try tmux("capture-pane", "-t", name, "-p").split(separator: "\n", omittingEmptySubsequences: false)
                    .map(String.init)
            }
        }

        /// The screen once it satisfies a condition, or after some seconds if it never does.
        func lines(when isThere: ([String]) -> Bool) throws -> [String] {
            for _ in 0..<200 {
                let lines = try lines
                if isThere(lines) { return lines }
                usleep(50_000)
            }
            return try lines
        }
    }

    @Test(.requires(.tmux))
    func topIsALiveViewWithKeys() async throws {
        try await toThread {
            let program = try LiveProgram("faults", ["leak"], environment: ["ASYNCIO_INSPECT": "1"])
            program.wait(for: "ready")
            let here = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            let tool = here.appendingPathComponent("asyncio").path
            let screen = try Screen(running: "TERM=screen \(tool) top -d 0.2 \(program.pid)", pid: program.pid)
            defer { _ = try? screen.tmux("kill-server") }

            var lines = try screen.lines { $0.contains { $0.contains("Queue.get()") } && $0[2].contains(" %") }
            #expect(lines.count >= 24)
            #expect(lines[0].hasPrefix("asyncio top - faults (\(program.pid))   every 0.2 s"))
            #expect(lines[1].contains("ready queue: "))
            #expect(lines[1].contains("timers: "))
            #expect(lines[2].hasPrefix("loop: lag "))
            #expect(lines[2].contains("steps/s "))
            let head = try #require(lines.first { $0.contains("RUN TIME") })
            #expect(head.contains("NAME") && head.contains("WAKE-UPS") && head.contains("WAITING ON"))
            #expect(lines.contains { $0.contains("request ") && $0.contains("leak.swift:") })
            #expect(lines[23].contains("q quit") && lines[23].contains("sorted by run time ↓"))

            // The working task is woken, and is then first. The others only wait.
            try screen.press("w")
            lines = try screen.lines {
                $0[23].contains("sorted by wake-ups")
                    && $0.drop { !$0.contains("RUN TIME") }.dropFirst().first?.contains("Task-1") == true
            }
            #expect(lines.drop { !$0.contains("RUN TIME") }.dropFirst().first?.contains("Task-1") == true)

            // By name, and reversed.
            try screen.press("n")
            lines = try screen.lines { $0[23].contains("sorted by name") }
            #expect(lines.drop { !$0.contains("RUN TIME") }.dropFirst().first?.contains("Task-1") == true)
            try screen.press("r")
            lines = try screen.lines { $0[23].contains("sorted by name ↑") }
            #expect(lines.drop { !$0.contains("RUN TIME") }.dropFirst().first?.contains("request 9") == true)
            try screen.press("p")
            lines = try screen.lines { $0[0].contains("PAUSED") }
            #expect(lines[0].contains("PAUSED"))
            try screen.press("p")

            // It is refreshed: the leak grows.
            func count(_ lines: [String]) -> Int {
                Int(lines[1].dropFirst("tasks: ".count).prefix { $0.isNumber }) ?? 0
            }
            let before = count(try screen.lines { !$0[0].contains("PAUSED") })
            lines = try screen.lines { count($0) > before }
            #expect(count(lines) > before)

            // The end of the program is shown, and the view stays.
            _ = program.terminate()
            lines = try screen.lines {
                $0.contains { $0.contains("no process \(program.pid)") || $0.contains("has ended") }
            }
            #expect(lines.contains { $0.contains("no process \(program.pid)") || $0.contains("has ended") })
            #expect(lines.contains { $0.contains("request ") })
            try screen.press("q")
            // Only the view was running there.
            for _ in 0..<100 where (try? screen.tmux("has-session", "-t", screen.name)) != nil {
                if try screen.lines.joined().isEmpty { break }
                usleep(20_000)
            }
            #expect(try screen.lines.joined().isEmpty)
        }
    }
}
