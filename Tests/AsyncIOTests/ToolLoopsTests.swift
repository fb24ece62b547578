import AsyncIO
import AsyncIOTesting
import Foundation
import Glibc
import Testing

/// The tool `asyncio` and programs with several event loops.
@Suite(.eventLoop, .serialized)
struct ToolLoopsTests {
    /// Runs the tool for a program with the loops "io" and "db", once with each of the arguments.
    func outcomes(
        isBlocked: Bool = false, _ commands: [String]...
    ) async throws -> [LiveProgram.Outcome] {
        try await withProgram(isBlocked: isBlocked) { program in
            try commands.map { try LiveProgram.run("asyncio", $0 + ["\(program.pid)"]) }
        }
    }

    func withProgram<T: Sendable>(
        isBlocked: Bool = false, _ body: @escaping @Sendable (LiveProgram) throws -> T
    ) async throws -> T {
        try await toThread {
            let arguments = isBlocked ? ["inspected", "blocked"] : ["inspected"]
            let program = try LiveProgram("loop-thread-program", arguments, environment: ["ASYNCIO_INSPECT": "1"])
            defer { _ = program.terminate() }
            program.wait(for: "ready")
            return try body(program)
        }
    }

    func lines(_ outcome: LiveProgram.Outcome) -> [String] {
        outcome.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    let deadlock = "\"there\" waits at Tests/Programs/LoopThreads/Parts.swift:"

    // MARK: All loops

    @Test func psHasAColumnForTheLoop() async throws {
        let lines = lines(try await outcomes(["ps"])[0])
        #expect(lines[0].hasPrefix("deadlock on loop \"db\": \(deadlock)"))
        #expect(lines[1].hasPrefix("LOOP  ID  NAME "))
        let rows = lines[2...4].map { $0.split(separator: " ").map(String.init) }
        #expect(rows.map { $0[0] } == ["io", "db", "db"])
        #expect(rows.map { $0[2] } == ["reader", "there", "back"])
        #expect(rows[0].contains("Queue.get(),"))
    }

    @Test func pstreeAndTheSignalGiveEachLoopATree() async throws {
        try await withProgram { program in
            let tree = try LiveProgram.run("asyncio", ["pstree", "\(program.pid)"]).output
            program.send(SIGUSR1)
            #expect(program.wait(forComplaint: "(T) back"))
            let dump = program.standardError
            #expect(dump.hasPrefix("loop-thread-program (\(program.pid)):\nloop \"io\":\n"))
            for text in [tree, dump] {
                let parts = text.components(separatedBy: "loop \"db\":\n")
                #expect(parts.count == 2 && parts[0].contains("loop \"io\":\n└── (T) reader: waits for Queue.get()"))
                #expect(parts[0].hasSuffix("\n\n") && !parts[0].contains("deadlock"))
                #expect(parts[1].hasPrefix("deadlock: \"there\" waits at "))
                #expect(parts[1].contains("└── (T) back: waits for Lock.acquire(), held by \"there\""))
            }
        }
    }

    @Test func dumpHasTheFiguresOfEachLoop() async throws {
        let outcomes = try await outcomes(["dump"], ["dump", "--json"])
        let lines = lines(outcomes[0])
        #expect(lines[0].hasSuffix("): 2 loops") && lines[1].isEmpty)
        #expect(lines[2] == "loop \"io\":")
        #expect(lines[3].hasPrefix("1 tasks, 0 ready, ") && lines[4].hasPrefix("lag "))
        let second = try #require(lines.firstIndex(of: "loop \"db\":"))
        #expect(lines[second - 1].isEmpty && lines[second + 1].hasPrefix("deadlock: "))
        #expect(lines[second + 2].hasPrefix("2 tasks, 0 ready, "))

        let json = try JSONSerialization.jsonObject(with: Data(outcomes[1].output.utf8)) as? [String: Any]
        let loops = try #require(json?["loops"] as? [[String: Any]])
        #expect(loops.map { $0["name"] as? String } == ["io", "db"])
        let tasks = loops.map { $0["tasks"] as? [[String: Any]] ?? [] }
        #expect(tasks.map { $0.map { $0["name"] as? String } } == [["reader"], ["there", "back"]])
        let ids = tasks[1].map { $0["id"] as? Int }
        #expect(loops.map { $0["deadlocks"] as? [[Int]] } == [[], [ids.compactMap(\.self)]])
    }

    @Test func topShowsTheLoopsTogetherAndEach() async throws {
        let lines = lines(try await outcomes(["top", "--once"])[0])
        #expect(lines[1].hasPrefix("tasks: 3 (3 waiting)"))
        #expect(lines[2].hasPrefix("2 loops: lag "))
        #expect(lines[3].hasPrefix("connections: 0 "))
        #expect(lines[4].hasPrefix("  io  tasks: 1   lag ") && lines[5].hasPrefix("  db  tasks: 2   lag "))
        let head = try #require(lines.firstIndex { $0.contains("RUN TIME") })
        #expect(lines[head].hasPrefix("LOOP "))
        let rows = lines[(head + 1)...].filter { !$0.isEmpty }.map { $0.split(separator: " ").map(String.init) }
        #expect(Set(rows.map { "\($0[0]) \($0[2])" }) == ["io reader", "db there", "db back"])
        let column = try #require(lines[head].range(of: "STATE")).lowerBound
        #expect(lines[head + 1][column...].hasPrefix("waiting"))
    }

    @Test(.requires(.tmux)) func theLiveViewHasALineForEachLoop() async throws {
        try await withProgram { program in
            let screen = try ToolTests.Screen(
                running: "TERM=screen \(Program.path("asyncio")) top -d 0.2 \(program.pid)", pid: program.pid)
            defer { _ = try? screen.tmux("kill-server") }
            // The rates need two answers.
            let lines = try screen.lines { $0[2].contains(" %") && $0[4].contains(" %") && $0[5].contains(" %") }
            #expect(lines[2].hasPrefix("2 loops: lag "))
            #expect(lines[4].hasPrefix("  io  tasks: 1 ") && lines[5].hasPrefix("  db  tasks: 2 "))
            #expect(lines[4].contains(" % ") && lines[5].contains(" % "))
            #expect(lines[6].hasPrefix("deadlock on loop \"db\": "))
        }
    }

    // MARK: One loop

    @Test func aFilterShowsOneLoopAsIfThereWereNoOther() async throws {
        let outcomes = try await outcomes(
            ["ps", "--loop", "io"], ["pstree", "--loop", "io"], ["top", "--once", "--loop", "io"],
            ["dump", "--loop", "io"], ["dump", "--json", "--loop", "io"])
        for outcome in outcomes {
            #expect(outcome.status == 0 && outcome.output.contains("reader"), "\(outcome.error)")
            #expect(!outcome.output.contains("back") && !outcome.output.contains("deadlock:"))
        }
        #expect(outcomes[0].output.hasPrefix("ID  NAME "))
        #expect(outcomes[1].output.hasPrefix("└── (T) reader: "))
        #expect(outcomes[2].output.contains("\nloop: lag "))
        #expect(outcomes[3].output.hasPrefix("loop-thread-program ("))
        #expect(outcomes[3].output.contains("): 1 tasks, "))
    }

    @Test func aFilterForALoopThatIsNotThereNamesTheOthers() async throws {
        let outcomes = try await outcomes(
            ["ps", "--loop", "web"], ["pstree", "--loop", "web"], ["top", "--once", "--loop", "web"],
            ["dump", "--loop", "web"], ["dump", "--json", "--loop", "web"])
        for outcome in outcomes {
            #expect(outcome.error.hasSuffix(" has no event loop \"web\"; it has \"io\", \"db\"\n"))
            #expect(outcome.error.hasPrefix("asyncio: process "))
            #expect(outcome.status == 1 && outcome.output.isEmpty)
        }
    }

    // MARK: A blocked loop

    @Test func aBlockedLoopIsReportedBesideTheAnswersOfTheOthers() async throws {
        let outcomes = try await outcomes(isBlocked: true, ["ps"], ["pstree"], ["dump"], ["top", "--once"])
        for outcome in outcomes {
            #expect(outcome.status == 0 && outcome.output.contains("reader"), "\(outcome.error)")
            #expect(outcome.output.contains("keepTheThread() at "))
        }
        let subject = "has been blocked for "
        #expect(outcomes[0].output.hasPrefix("The event loop \"db\" \(subject)"))
        #expect(outcomes[1].output.contains("\n\nloop \"db\":\nThe event loop \(subject)"))
        #expect(outcomes[2].output.contains("\n\nloop \"db\":\nThe event loop \(subject)"))
        #expect(outcomes[3].output.contains("\n  db  no answer\nThe event loop \"db\" \(subject)"))
    }

    @Test func aBlockedLoopDoesNotMatterToThoseWhoAskForAnother() async throws {
        let outcomes = try await outcomes(isBlocked: true, ["ps", "--loop", "io"], ["ps", "--loop", "db"])
        #expect(outcomes[0].output.contains("reader") && !outcomes[0].output.contains("blocked"))
        #expect(outcomes[1].output.hasPrefix("The event loop has been blocked for "))
        #expect(!outcomes[1].output.contains("reader"))
    }

    @Test func theSignalReportsABlockedLoopToo() async throws {
        try await withProgram(isBlocked: true) { program in
            program.send(SIGUSR1)
            #expect(program.wait(forComplaint: "    keepTheThread() at "))
            let dump = program.standardError
            #expect(dump.contains("loop \"io\":\n└── (T) reader: "))
            #expect(dump.contains("loop \"db\":\nThe event loop \"db\" has been blocked for "))
        }
    }
}
