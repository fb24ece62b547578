import AsyncIO
import AsyncIOTesting
import Foundation
import Testing

/// The reports about each of the programs in Examples/faults name the culprit by file and line.
@Suite(.eventLoop, .serialized)
struct FaultsTests {
    /// Starts a program with inspection enabled, and inspects it with the tool.
    func look(
        at fault: String, seconds: Double = 60, environment: [String: String] = [:], _ commands: [String]...
    ) async throws -> (answers: [LiveProgram.Outcome], program: LiveProgram.Outcome) {
        try await toThread {
            let program = try LiveProgram(
                "faults", [fault, "--seconds", "\(seconds)"],
                environment: ["ASYNCIO_INSPECT": "1"].merging(environment) { $1 })
            program.wait(for: "ready")
            let answers = try commands.map { try LiveProgram.run("asyncio", $0 + ["\(program.pid)"]) }
            return (answers, seconds < 60 ? program.end() : program.terminate())
        }
    }

    @Test func aDeadlockIsNamedWithBothTasksAndTheirLines() async throws {
        let culprit = try line(of: "try await target.lock.withLock", in: "Examples/faults/deadlock.swift")
        let there = try line(of: "createTask(name: \"there\")", in: "Examples/faults/deadlock.swift")
        let (answers, _) = try await look(at: "deadlock", ["ps"], ["pstree"], ["dump"])
        for answer in answers {
            #expect(answer.status == 0)
            let report = try #require(answer.output.split(separator: "\n").first { $0.hasPrefix("deadlock: ") })
            #expect(report.contains("\"there\" waits at"))
            #expect(report.contains("for Lock.acquire(), held by \"back\"; \"back\" waits at"))
            #expect(report.contains("Examples/faults/deadlock.swift:\(culprit) for Lock.acquire(), held by \"there\""))
        }
        #expect(answers[0].output.contains("deadlock.swift:\(culprit) in closure #1 in transfer(from:to:)"))
        #expect(answers[0].output.contains("faults/deadlock.swift:\(there)"))
        // The main task waits for both. The tree includes its callers.
        let tree = answers[1].output
        #expect(tree.contains("└── (T) Task-1: waits for wait()"))
        #expect(tree.contains("    ├── (T) there: waits for Lock.acquire(), held by \"back\""))
        #expect(tree.contains("closure #1 in deadlock(_:) at "))
    }

    @Test func aBlockedLoopIsReportedWhileItIsBlocked() async throws {
        let loop = try line(of: "for divisor in 2..<max(2, number)", in: "Examples/faults/blocked.swift")
        let created = try line(of: "createTask(name: \"primes\")", in: "Examples/faults/blocked.swift")
        let (report, tree, rest) = try await toThread {
            let program = try LiveProgram(
                "faults", ["blocked", "--seconds", "8"],
                environment: ["ASYNCIO_INSPECT": "1", "ASYNCIO_WATCHDOG": "0.5"])
            program.wait(for: "ready")
            let isReported = program.wait(forComplaint: "The event loop has been blocked for")
            #expect(isReported)
            let report = program.standardError
            #expect(!report.contains("responsive again"))
            let tree = try LiveProgram.run("asyncio", ["pstree", "\(program.pid)"])
            return (report, tree, program.end())
        }
        #expect(report.contains("Task \"primes\" is running at "))
        #expect(report.contains("created=Examples/faults/blocked.swift:\(created)"))
        // The thread can be at any line of the loop.
        let lines = (loop - 3...loop + 3).map { "Examples/faults/blocked.swift:\($0) in countPrimes(for:)" }
        #expect(lines.contains { report.contains($0) }, "\(report)")
        #expect(tree.output.contains("The event loop has been blocked for "))
        let place = "Examples/faults/blocked.swift:\(created)"
        #expect(tree.output.contains("task \"primes\", created at \(place), is running"))
        #expect(tree.output.contains("countPrimes(for:) at "))
        #expect(rest.error.contains("The event loop is responsive again after "))
    }

    /// Symbolizing the first place takes a second or more, which is longer than this block.
    @Test func aReportComesBeforeItsEndAndIsNotLostWithTheProgram() async throws {
        let (_, program) = try await look(at: "blocked", seconds: 1.5, environment: ["ASYNCIO_WATCHDOG": "0.3"])
        let report = try #require(program.error.range(of: "The event loop has been blocked for"), "\(program.error)")
        let end = try #require(program.error.range(of: "The event loop is responsive again after "))
        #expect(report.upperBound < end.lowerBound)
    }

    @Test func tasksThatLeakAreListedWithWhereTheyWaitAndWereMade() async throws {
        let wait = try line(of: "try await answers.get()", in: "Examples/faults/leak.swift")
        let (answers, _) = try await look(at: "leak", ["ps"], ["top", "--once"])
        let line = try #require(answers[0].output.split(separator: "\n").first { $0.contains("  request 7  ") })
        #expect(line.contains("waiting"))
        #expect(line.contains("Queue.get(), 0 items"))
        #expect(line.contains("leak.swift:\(wait) in closure #1 in handle(_:_:)"))
        #expect(line.hasSuffix("faults/leak.swift:\(wait)"))
        #expect(answers[1].output.contains("request 20"))
        #expect(answers[1].output.contains("asyncio top - faults"))
    }

    @Test func aForgottenErrorIsLoggedWithItsTaskAndWhereThatWasMade() async throws {
        let created = try line(of: "createTask(name: \"notify\")", in: "Examples/faults/forgotten.swift")
        let (_, program) = try await look(at: "forgotten", seconds: 1, environment: ["ASYNCIO_DEBUG": "1"])
        #expect(program.error.contains("Task exception was never retrieved"))
        #expect(program.error.contains("NoSuchUser(name: \"anna\")"))
        #expect(program.error.contains("Task \"notify\""))
        #expect(program.error.contains("created=faults/forgotten.swift:\(created)"))
        // In debug mode, the creator of the task.
        #expect(
            program.error.contains("Examples/faults/forgotten.swift:\(created) in forgotten(_:)"), "\(program.error)")
    }

    @Test func debugModeNamesTheSlowStepAfterwards() async throws {
        let created = try line(of: "createTask(name: \"primes\")", in: "Examples/faults/blocked.swift")
        let (_, program) = try await look(at: "blocked", seconds: 0.3, environment: ["ASYNCIO_DEBUG": "1"])
        #expect(program.error.contains("Executing Task \"primes\""), "\(program.error)")
        #expect(program.error.contains("created at faults/blocked.swift:\(created), took "))
        // The variable is set, but empty.
        let (_, other) = try await look(at: "blocked", seconds: 0.3, environment: ["ASYNCIO_DEBUG": ""])
        #expect(!other.error.contains("Executing Task"))
    }

    @Test func aSignalHasTheTreePrinted() async throws {
        let error = try await toThread {
            let program = try LiveProgram("faults", ["deadlock"], environment: ["ASYNCIO_INSPECT": "1"])
            program.wait(for: "ready")
            program.send(SIGUSR1)
            #expect(program.wait(forComplaint: "(T) back"))
            return program.terminate().error
        }
        #expect(error.contains("deadlock: \"there\" waits at"))
        #expect(error.contains("(T) there: waits for Lock.acquire(), held by \"back\""))
    }
}
