import AsyncIO
import AsyncIOSystem
import AsyncIOTesting
import Foundation
import Glibc
import Testing

/// The tool `asyncio` and the programs that it inspects do not trust each other.
@Suite(.eventLoop, .serialized)
struct ToolBordersTests {
    func tool(_ arguments: String...) async throws -> LiveProgram.Outcome {
        try await toThread { try LiveProgram.run("asyncio", arguments) }
    }

    /// Listens where the tool looks for `process`, and answers every request with `answer`.
    func withListener(
        for process: Int32, answering answer: @escaping (StreamWriter) async throws -> Void,
        _ body: () async throws -> Void
    ) async throws {
        let directory = "/tmp/asyncio-\(geteuid())"
        mkdir(directory, 0o700)
        let path = "\(directory)/\(process).socket"
        unlink(path)
        let server = try await startServer(on: .unix(path: path)) { reader, writer in
            _ = try await reader.readLine()
            do { try await answer(writer) } catch is OSError {}
            writer.close()
        }
        defer {
            server.close()
            unlink(path)
        }
        try await body()
    }

    /// The same with one answer.
    func withListener(for process: Int32, saying answer: String, _ body: () async throws -> Void) async throws {
        try await withListener(for: process, answering: { try await $0.write(answer) }, body)
    }

    /// A program's answer that describes one task on each of its loops.
    ///
    /// - Parameter number: The value of most figures.
    func answer(
        pid: Int32 = getpid(), name: String = "a", place: String = "/a.swift", loops: Int = 1, number: Int = 0
    ) throws -> String {
        let task: [String: Any] = [
            "id": 1, "name": name, "state": "waiting", "waitsFor": "Event \(name)", "since": 1, "created": place + ":7",
            "cancelling": 0, "steps": 1, "runTime": 1, "longestStep": 1, "awaitedBy": [Int](),
            "stack": [["function": "\(name)()", "file": place, "line": 3, "async": true] as [String: Any]],
        ]
        let figures: [String: Any] = [
            "turns": 1, "steps": 1, "tasks": number, "ready": 0, "timers": 0, "descriptors": 0,
            "connections": 0, "received": number, "sent": number, "lag": 0, "longestLag": 0, "stalls": 0,
            "longestStall": 0, "busy": number, "debug": false,
        ]
        let all: [String: Any] = [
            "pid": Int(pid), "program": name,
            "loops": (1...loops).map { id -> [String: Any] in
                [
                    "id": id, "name": name, "figures": figures, "tasks": [task], "omitted": number,
                    "stacksOmitted": 0, "deadlocks": [[1]],
                ]
            },
        ]
        return String(decoding: try JSONSerialization.data(withJSONObject: all), as: UTF8.self)
    }

    // MARK: The tool

    @Test func aSocketOfAnotherProcessIsNotRead() async throws {
        let program = try await toThread {
            let program = try LiveProgram("faults", ["leak"], environment: ["ASYNCIO_INSPECT": "0"])
            program.wait(for: "ready")
            return program
        }
        let pid = program.pid
        let answer = try answer(pid: pid)
        try await withListener(for: pid, saying: answer + "\n") {
            let outcome = try await tool("ps", "\(pid)")
            #expect(
                outcome.error.hasPrefix("asyncio: the socket of process \(pid) belongs to process \(getpid()) of "),
                "\(outcome.error)")
            #expect(outcome.status == 1 && outcome.output.isEmpty)
        }
        _ = try await toThread { program.terminate() }
    }

    @Test(arguments: ["ps", "pstree", "dump"])
    func anAnswerInAnotherProcesssNameIsNotShown(command: String) async throws {
        let answer = try answer(pid: 1)
        try await withListener(for: getpid(), saying: answer + "\n") {
            let outcome = try await tool(command, "\(getpid())")
            let why = "the response for process \(getpid()) came from process 1 and is not shown"
            #expect(outcome.error == "asyncio: \(why)\n")
            #expect(outcome.status == 1 && outcome.output.isEmpty)
        }
    }

    @Test func anAnswerWithoutEndIsGivenUp() async throws {
        let chunk = [UInt8](repeating: UInt8(ascii: " "), count: 1 << 20)
        let endless = { (writer: StreamWriter) in
            while true { try await writer.write(chunk) }
        }
        try await withListener(for: getpid(), answering: endless) {
            let outcome = try await tool("dump", "--json", "\(getpid())")
            #expect(outcome.error.contains("is longer than 67.1 MB and is not shown"), "\(outcome.error)")
            #expect(outcome.status == 1 && outcome.output.isEmpty)
        }
    }

    @Test(arguments: ["", "no JSON\n", "{\"pid\": \"7\"}\n", "[]\n", "{}\n", "no loops"])
    func whatIsNoAnswerIsOneLine(answer: String) async throws {
        let answer = answer == "no loops" ? "{\"pid\": \(getpid()), \"loops\": []}\n" : answer
        try await withListener(for: getpid(), saying: answer) {
            for command in [["ps"], ["pstree"], ["dump", "--json"]] {
                let outcome = try await toThread { try LiveProgram.run("asyncio", command + ["\(getpid())"]) }
                #expect(outcome.error.hasPrefix("asyncio: ") && outcome.error.count { $0 == "\n" } == 1)
                #expect(outcome.status == 1 && outcome.output.isEmpty)
            }
        }
    }

    /// Colors, the window title, lines that no one wrote, and text that runs backwards.
    nonisolated static let harmful = "a\u{1B}[2J\u{1B}]0;title\u{7}\r\nfake \u{202E}cba\u{2028}\u{9B}31m\u{7F}\tb"

    @Test(arguments: [["ps"], ["pstree"], ["dump"], ["top", "--once"]], [1, 2])
    func aTerminalObeysNoNames(command: [String], loops: Int) async throws {
        let answer = try answer(name: Self.harmful, place: "/\(Self.harmful).swift", loops: loops)
        try await withListener(for: getpid(), saying: answer + "\n") {
            let outcome = try await toThread { try LiveProgram.run("asyncio", command + ["\(getpid())"]) }
            #expect(outcome.status == 0, "\(outcome.error)")
            #expect(!outcome.output.split(separator: "\n").contains { $0.hasPrefix("fake") })
            let scalars = outcome.output.unicodeScalars
            let harmful: [Unicode.GeneralCategory] = [.control, .lineSeparator, .format]
            #expect(!scalars.contains { $0 != "\n" && harmful.contains($0.properties.generalCategory) })
            #expect(outcome.output.contains("\\u{1B}[2J"))
        }
    }

    @Test(arguments: [["ps"], ["pstree"], ["dump"], ["top", "--once"]])
    func figuresThatCannotBeTrueAreHarmless(command: [String]) async throws {
        let answer = try answer(loops: 3, number: .max)
        try await withListener(for: getpid(), saying: answer + "\n") {
            let outcome = try await toThread { try LiveProgram.run("asyncio", command + ["\(getpid())"]) }
            #expect(outcome.status == 0 && outcome.error.isEmpty, "\(outcome.error)")
        }
    }

    @Test(arguments: [["ps"], ["pstree"], ["dump"], ["top", "--once"]])
    func namesOfLoopsThatAreMissingArePrintableToo(command: [String]) async throws {
        let answer = try answer(name: Self.harmful)
        try await withListener(for: getpid(), saying: answer + "\n") {
            let outcome = try await toThread {
                try LiveProgram.run("asyncio", command + ["--loop", "\u{1B}c", "\(getpid())"])
            }
            let why = "has no event loop \"\\u{1B}c\"; it has \"\(printable(Self.harmful))\""
            #expect(outcome.error == "asyncio: process \(getpid()) \(why)\n")
            #expect(outcome.status == 1 && outcome.output.isEmpty)
        }
    }

    @Test func inJSONTheyStayTheSameNames() async throws {
        let answer = try answer(name: Self.harmful)
        try await withListener(for: getpid(), saying: answer + "\n") {
            let outcome = try await tool("dump", "--json", "\(getpid())")
            #expect(!outcome.output.unicodeScalars.contains { $0 != "\n" && $0.properties.generalCategory == .control })
            let dump = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
            #expect(dump?["program"] as? String == Self.harmful)
        }
    }

    @Test func anErrorIsPrintableToo() async throws {
        let answer = "{\"pid\": \(getpid()), \"error\": \"\\u001b[31mred\\nsecond line\"}\n"
        try await withListener(for: getpid(), saying: answer) {
            let outcome = try await tool("ps", "\(getpid())")
            #expect(outcome.error == "asyncio: process \(getpid()): \\u{1B}[31mred\\nsecond line\n")
        }
    }

    @Test func theTreeOfTheProgramItselfIsPrintable() async throws {
        let task = createTask(name: Self.harmful) { try await sleep(.seconds(60)) }
        try await sleep(.zero)
        let tree = try formatTaskTree()
        #expect(tree.contains("(T) a\\u{1B}[2J"))
        #expect(!tree.unicodeScalars.contains { $0 != "\n" && $0.properties.generalCategory == .control })
        task.cancel()
    }

    @Test func bothProgramsTellTheirVersion() async throws {
        for program in ["asyncio", "rexasyncio"] {
            let outcome = try await toThread { try LiveProgram.run(program, ["--version"]) }
            #expect(outcome.output == packageVersion + "\n")
            #expect(outcome.status == 0)
        }
        #expect(packageVersion.split(separator: ".").count == 3)
    }

    @Test func theSamePathsEverywhere() async throws {
        let wait = try line(of: "try await answers.get()", in: "Examples/faults/leak.swift")
        try await toThread {
            let program = try LiveProgram("faults", ["leak"], environment: ["ASYNCIO_INSPECT": "1"])
            program.wait(for: "ready")
            for command in ["ps", "pstree", "dump"] {
                let output = try LiveProgram.run("asyncio", [command, "\(program.pid)"]).output
                #expect(output.contains(" Examples/faults/leak.swift:\(wait)"), "\(command)")
                #expect(!output.contains("/Examples/"), "\(command)")
            }
            _ = program.terminate()
        }
    }

    /// Each of these characters is as wide as two letters.
    @Test(arguments: [["ps"], ["top", "--once"]])
    func columnsLineUpUnderWideCharacters(command: [String]) async throws {
        let name = "読み込み 🚀"
        try await withListener(for: getpid(), saying: try answer(name: name) + "\n") {
            let outcome = try await toThread { try LiveProgram.run("asyncio", command + ["\(getpid())"]) }
            let lines = outcome.output.split(separator: "\n")
            let head = try #require(lines.first { $0.contains("STATE") })
            let row = try #require(lines.last { $0.contains(name) })
            let state = try #require(row.ranges(of: "waiting").first).lowerBound
            let title = try #require(head.ranges(of: "STATE").first).lowerBound
            #expect(row[..<state].count + 5 == head[..<title].count, "\(outcome.output)")
        }
    }

    // MARK: The program

    /// Connects and sends nothing.
    nonisolated func silentClient(of process: Int32) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        for directory in InspectionChannel.directories(ofUser: geteuid()) {
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            let path = Array("\(directory)/\(process).socket".utf8CString)
            withUnsafeMutableBytes(of: &address.sun_path) { room in
                path.withUnsafeBytes { room.copyMemory(from: $0) }
            }
            let result = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            if result == 0 { return descriptor }
        }
        throw POSIXError()
    }

    /// Whether the program has not closed the connection yet.
    nonisolated func isConnected(_ descriptor: Int32) -> Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT)) < 0 && errno == EAGAIN
    }

    @Test func aSlowClientHoldsUpNobody() async throws {
        try await toThread {
            let program = try LiveProgram("faults", ["leak"], environment: ["ASYNCIO_INSPECT": "1"])
            program.wait(for: "ready")
            // Their connections are closed after a second. On a busy machine, that can be too early
            // for this test.
            var wereAllThere = false
            for _ in 0..<20 where !wereAllThere {
                let silent = try (0..<5).map { _ in try silentClient(of: program.pid) }
                let channel = try InspectionChannel.connect(to: program.pid)
                #expect(channel.write("tasks\n", within: 60_000))
                let answer = try channel.readAll(within: 60_000, limit: 1 << 24)
                #expect(answer.last == UInt8(ascii: "\n"))
                wereAllThere = silent.allSatisfy(isConnected)
                for descriptor in silent { close(descriptor) }
            }
            #expect(wereAllThere)
            _ = program.terminate()
        }
    }

    @Test func tooManyClientsAreSentAwayWithAReason() async throws {
        try await toThread {
            let program = try LiveProgram("faults", ["leak"], environment: ["ASYNCIO_INSPECT": "1"])
            program.wait(for: "ready")
            var silent: [Int32] = []
            defer { for descriptor in silent { close(descriptor) } }
            var refusal = ""
            for _ in 0..<20 where refusal.isEmpty {
                silent += try (0..<20).map { _ in try silentClient(of: program.pid) }
                let channel = try InspectionChannel.connect(to: program.pid)
                _ = channel.write("tasks\n", within: 60_000)
                let answer = String(decoding: try channel.readAll(within: 60_000, limit: 1 << 24), as: UTF8.self)
                if answer.contains("other tools are inspecting this process; try again later") { refusal = answer }
            }
            #expect(refusal.contains("\"pid\":\(program.pid)"))
            _ = program.terminate()
        }
    }

    @Test func aClientThatReadsNothingDoesNotKeepTheProgramAlive() async throws {
        let outcome = try await toThread {
            let program = try LiveProgram("faults", ["leak", "--seconds", "1"], environment: ["ASYNCIO_INSPECT": "1"])
            program.wait(for: "ready")
            let silent = try (0..<5).map { _ in try silentClient(of: program.pid) }
            let outcome = program.end()
            for descriptor in silent { close(descriptor) }
            return outcome
        }
        #expect(outcome.status == 0)
        #expect(outcome.output.contains(" tasks"))
    }

    @Test func aDirectoryThatIsALinkOrOpenToOthersIsNotUsed() async throws {
        let base = "/tmp/asyncio-borders-\(getpid())"
        mkdir(base, 0o700)
        defer { try? FileManager.default.removeItem(atPath: base) }
        // The runtime directory is a link to a directory that others can access.
        mkdir(base + "/elsewhere", 0o777)
        chmod(base + "/elsewhere", 0o777)
        symlink(base + "/elsewhere", base + "/asyncio")
        try await toThread {
            let program = try LiveProgram(
                "faults", ["leak"], environment: ["ASYNCIO_INSPECT": "1", "XDG_RUNTIME_DIR": base])
            program.wait(for: "ready")
            #expect(try FileManager.default.contentsOfDirectory(atPath: base + "/elsewhere").isEmpty)
            #expect(try LiveProgram.run("asyncio", ["ps", "\(program.pid)"]).status == 0)
            _ = program.terminate()
        }
    }

    @Test func aDirectoryOfALongPathIsFine() async throws {
        let base = "/tmp/asyncio-borders-\(getpid())/" + String(repeating: "a", count: 120)
        try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: "/tmp/asyncio-borders-\(getpid())") }
        try await toThread {
            let environment = ["ASYNCIO_INSPECT": "1", "XDG_RUNTIME_DIR": base]
            let program = try LiveProgram("faults", ["leak"], environment: environment)
            program.wait(for: "ready")
            #expect(access("\(base)/asyncio/\(program.pid).socket", F_OK) == 0)
            #expect(try LiveProgram.run("asyncio", ["ps", "\(program.pid)"], environment: environment).status == 0)
            _ = program.terminate()
        }
    }

    // MARK: top

    @Test(.requires(.tmux), arguments: [40, 60])
    func topFitsIntoANarrowTerminal(columns: Int) async throws {
        try await toThread {
            let program = try LiveProgram("faults", ["leak"], environment: ["ASYNCIO_INSPECT": "1"])
            program.wait(for: "ready")
            let here = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            let tool = here.appendingPathComponent("asyncio").path
            let screen = try ToolTests.Screen(
                running: "TERM=screen \(tool) top -d 0.2 \(program.pid)", pid: program.pid, columns: columns)
            defer { _ = try? screen.tmux("kill-server") }
            let lines = try screen.lines { $0[2].hasPrefix("loop: ") && $0.contains { $0.contains("Task-1") } }
            #expect(lines[0].hasPrefix("asyncio top - faults"))
            #expect(lines[1].hasPrefix("tasks: ") && lines[2].hasPrefix("loop: "))
            #expect(lines[3].hasPrefix("connections: "))
            #expect(lines[4].isEmpty && lines[5].contains("ID NAME"))
            #expect(lines[6].contains("Task-1"))
            #expect(lines[23].hasPrefix("q quit"))
            _ = program.terminate()
        }
    }

    @Test(.requires(.tmux)) func topFitsIntoALowTerminal() async throws {
        try await toThread {
            let program = try LiveProgram("faults", ["deadlock"], environment: ["ASYNCIO_INSPECT": "1"])
            program.wait(for: "ready")
            let screen = try ToolTests.Screen(
                running: "TERM=screen \(Program.path("asyncio")) top -d 0.2 \(program.pid)", pid: program.pid, rows: 5)
            defer { _ = try? screen.tmux("kill-server") }
            let lines = try screen.lines { $0[1].hasPrefix("tasks: ") && $0[4].hasPrefix("q quit") }
            #expect(lines[0].hasPrefix("asyncio top - faults"))
            #expect(lines[1].hasPrefix("tasks: ") && lines[2].hasPrefix("loop: "))
            #expect(lines[4].hasPrefix("q quit"))
            _ = program.terminate()
        }
    }
}
