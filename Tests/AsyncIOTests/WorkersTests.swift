import AsyncIO
import AsyncIOTesting
import Foundation
import Glibc
import SystemPackage
import Testing

/// `Tests/Programs/Workers` with its supervisor, and real clients.
@Suite(.eventLoop) struct WorkersTests {
    // MARK: Life

    @Test func thereAreAsManyWorkersAsWereAskedForOnOnePort() async throws {
        try await withWorkers { program in
            let workers = try await program.ready(2)
            #expect(Set(workers.map(\.pid)).count == 2)
            #expect(Set(workers.map(\.port)).count == 1)
            let answer = try await program.ask("hello")
            #expect(workers.map(\.pid).contains(try #require(Int32(answer))))
        }
    }

    @Test func aWorkerThatDiesIsReplaced() async throws {
        try await withWorkers { program in
            let workers = try await program.ready(2)
            kill(workers[0].pid, SIGKILL)
            let replacement = try await program.ready(1)[0]
            #expect(!workers.map(\.pid).contains(replacement.pid))
            #expect(replacement.port == workers[0].port)
            #expect(Process.isRunning(workers[1].pid))
        }
    }

    @Test func onSIGTERMWorkersFinishWhatTheyBeganAndTheSupervisorEnds() async throws {
        try await withWorkers { program in
            _ = try await program.ready(2)
            let (reader, writer) = try await program.connect()
            try await writer.write("slow\n")
            try await program.wait(for: "begins slow")
            try program.program.send(.terminate)
            #expect(try await reader.readLine().count > 1)
            writer.close()
            #expect(
                try await program.rest().sorted().map { $0.split(separator: " ")[0] } == ["end", "stopped", "stopped"])
            #expect(try await program.status() == 0)
            await #expect(throws: OSError.self) { _ = try await program.connect() }
        }
    }

    @Test func connectionsThatDoNotEndAreCutOffWhenTheGraceIsOver() async throws {
        try await withWorkers("short grace") { program in
            _ = try await program.ready(1)
            let (reader, writer) = try await program.connect()
            try await writer.write("for ever\n")
            try await program.wait(for: "begins for ever")
            let start = ContinuousClock.now
            try program.program.send(.terminate)
            _ = try? await reader.readLine()
            #expect(ContinuousClock.now - start >= .milliseconds(250))
            #expect(try await program.status() == 0)
            writer.close()
        }
    }

    @Test func aSecondRequestToEndKillsTheWorkers() async throws {
        try await withWorkers("no loop") { program in
            let worker = try await program.ready(1)[0]
            try program.program.send(.interrupt)
            try await program.wait(for: "computing")
            try program.program.send(.interrupt)
            #expect(try await program.rest() == ["threw worker 0 was ended by SIGKILL"])
            #expect(try await program.status() == 3)
            #expect(!Process.isRunning(worker.pid))
        }
    }

    @Test func workersStopWhenTheirSupervisorIsGone() async throws {
        try await withWorkers { program in
            let workers = try await program.ready(2)
            try program.program.send(.kill)
            for worker in workers {
                try await eventually { !Process.isRunning(worker.pid) }
            }
        }
    }

    @Test func workersThatAreNeverReadyEndTheSupervisor() async throws {
        try await withWorkers("fails", "/proc/self/exe") { program in
            let last = try await program.rest().last
            #expect(last?.hasSuffix("ended with status 1") == true)
            #expect(try await program.status() == 3)
        }
    }

    @Test func signalsAreHandedOn() async throws {
        try await withWorkers { program in
            _ = try await program.ready(2)
            try program.program.send(.user1)
            #expect(Set([try await program.line(), try await program.line()]) == ["0 got SIGUSR1", "1 got SIGUSR1"])
        }
    }

    @Test func aWorkersOwnChildrenAreNoWorkers() async throws {
        try await withWorkers { program in
            _ = try await program.ready(2)
            #expect(try await program.ask("variable") == "end")
        }
    }

    @Test func theSameCodeRunsInOneProcess() async throws {
        try await withWorkers("in process") { program in
            let worker = try await program.ready(1)[0]
            #expect(worker.pid == program.program.pid)
            #expect(try await program.ask("hello") == "\(worker.pid)")
            try program.program.send(.terminate)
            #expect(try await program.rest() == ["stopped \(worker.pid)", "end"])
            #expect(try await program.status() == 0)
        }
    }

    @Test func workersMayListenOnAUnixSocketWhoseFileGoesWithTheSupervisor() async throws {
        let directory = try Directory()
        try await withWorkers("unix", "\(directory.path)/socket") { program in
            _ = try await program.ready(2)
            let (reader, writer) = try await openConnection(to: .unix(path: "\(directory.path)/socket"))
            try await writer.write("hello\n")
            #expect(try await reader.readLine().count > 1)
            writer.close()
            try program.program.send(.terminate)
            #expect(try await program.status() == 0)
            #expect(access("\(directory.path)/socket", F_OK) != 0)
        }
    }

    @Test func workersMayShareTheSocketsThatASupervisorPassed() async throws {
        let listener = try await startServer(host: "127.0.0.1", port: 0, options: .init(startServing: false)) { _, _ in
        }
        defer { listener.close() }
        try await withSubprocess(
            "/bin/sh",
            arguments: ["-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \(Program.path("workers-program")) activated"],
            stdin: .pipe, stdout: .pipe, stderr: .pipe,
            options: .init(descriptors: [3: try #require(listener.sockets.first)])
        ) { process in
            let program = WorkersProgram(Program(process))
            let workers = try await program.ready(2)
            #expect(workers.map(\.port) == [listener.port, listener.port])
            let answer = try await program.ask("hello")
            #expect(workers.map(\.pid).contains(try #require(Int32(answer))))
            try program.program.send(.terminate)
            #expect(try await program.status() == 0)
        }
    }

    @Test func aCountThatIsNotPositiveIsRefused() {
        for count: Worker.Count in [0, -1] {
            #expect(throws: ValueError.self) { try runWorkers(count: count) { _ in } }
        }
    }

    // MARK: Reload

    @Test func aReloadThatFailsLeavesTheWorkersAsTheyAre() async throws {
        let directory = try Directory()
        try await withWorkers("fails", "\(directory.path)/fail") { program in
            let workers = try await program.ready(2)
            try directory.make("fail", [])
            try program.program.send(.hangUp)
            // After three attempts with 0.1 and 0.2 s between them.
            try await program.program.wait(forComplaint: "the reload failed")
            #expect(workers.allSatisfy { Process.isRunning($0.pid) })
            let answer = try await program.ask("hello")
            #expect(workers.map(\.pid).contains(try #require(Int32(answer))))
            // The next reload succeeds.
            directory.remove("fail")
            try program.program.send(.hangUp)
            let others = try await program.ready(2)
            #expect(Set(others.map(\.pid)).isDisjoint(with: workers.map(\.pid)))
        }
    }

    @Test func noConnectionIsRefusedOrLostWhileWorkersAreReplacedAndOnlyItsOwnWhenOneIsKilled() async throws {
        try await withWorkers { program in
            var workers = try await program.ready(2)
            let clients = Clients(port: workers[0].port)
            let short = (0..<4).map { _ in createTask { try await clients.connectAgainAndAgain() } }
            let long = (0..<4).map { _ in createTask { try await clients.keepConnections() } }
            try await clients.answer(100)

            for _ in 0..<3 {
                try program.program.send(.hangUp)
                workers = try await program.ready(2)
                try await clients.answer(200)
            }
            #expect(clients.failures == [])
            #expect(clients.pids.count >= 4)

            // A worker that has clients.
            let (before, victim) = (clients.answers, clients.latest)
            #expect(workers.map(\.pid).contains(victim))
            kill(victim, SIGKILL)
            _ = try await program.ready(1)
            try await clients.answer(100)
            #expect(clients.answers > before)
            // Each client had one connection. Its worker is known once it has answered.
            #expect(!clients.failures.isEmpty)
            #expect(clients.failures.count <= short.count + long.count)
            for failure in clients.failures {
                #expect(failure.pid == victim || failure.pid == nil, "\(failure)")
                #expect(failure.code != .connectionRefused)
            }
            try program.program.send(.hangUp)
            workers = try await program.ready(2)
            try await clients.answer(100)
            clients.stop()
            _ = try await gather(short + long)
        }
    }
}

/// Clients that never pause.
final class Clients {
    struct Failure: Equatable {
        /// The process that had answered on that connection; nil if none had.
        let pid: Int32?
        let code: Errno?
    }

    private let port: Int
    private var isStopped = false
    private(set) var answers = 0
    private(set) var pids: Set<Int32> = []
    /// The process that was the last to answer on a connection that stays open.
    private(set) var latest: Int32 = 0
    private(set) var failures: [Failure] = []
    init(port: Int) { self.port = port }

    func stop() { isStopped = true }

    /// Waits until the clients have received `count` more answers.
    func answer(_ count: Int) async throws {
        let goal = answers + count
        try await eventually { answers >= goal }
    }

    /// Opens a connection for each request.
    func connectAgainAndAgain() async throws {
        while !isStopped { try await converse(requests: 1) }
    }

    /// Sends as many requests on a connection as the server allows.
    func keepConnections() async throws {
        while !isStopped { try await converse(requests: .max) }
    }

    private func converse(requests: Int) async throws {
        var pid: Int32?
        do {
            let (reader, writer) = try await openConnection(host: "127.0.0.1", port: port)
            defer { writer.close() }
            for _ in 0..<requests {
                if isStopped { return }
                try await writer.write("hello\n")
                let line = try await reader.readLine()
                if line.isEmpty { return failures.append(Failure(pid: pid, code: nil)) }
                let words = String(decoding: line.dropLast(), as: UTF8.self).split(separator: " ")
                pid = Int32(words[0])
                if let pid {
                    pids.insert(pid)
                    if requests > 1 { latest = pid }
                }
                answers += 1
                // The server accepts no more requests on this connection.
                if words.count > 1 { return }
            }
        } catch let error as OSError {
            failures.append(Failure(pid: pid, code: error.code))
        }
    }
}

/// The program and its clients.
final class WorkersProgram {
    let program: Program
    private(set) var port = 0

    fileprivate init(_ program: Program) { self.program = program }

    func line() async throws -> String {
        guard let line = try await program.line() else { throw TestError("it ended: \(program.complaints)") }
        return line
    }

    /// Waits for this line.
    func wait(for line: String) async throws { while try await self.line() != line {} }

    /// The next workers that report that they are ready.
    func ready(_ count: Int) async throws -> [(pid: Int32, port: Int)] {
        var workers: [(pid: Int32, port: Int)] = []
        while workers.count < count {
            let words = try await line().split(separator: " ")
            guard words.first == "ready", words.count == 3 else { continue }
            workers.append((Int32(words[1]) ?? 0, Int(words[2]) ?? 0))
            port = Int(words[2]) ?? 0
        }
        return workers
    }

    /// The remaining lines of the output.
    func rest() async throws -> [String] { try await program.rest() }
    func status() async throws -> Int32 { try await program.process.wait() }

    func connect() async throws -> (StreamReader, StreamWriter) {
        try await openConnection(host: "127.0.0.1", port: port)
    }

    func ask(_ request: String) async throws -> String {
        let (reader, writer) = try await connect()
        defer { writer.close() }
        try await writer.write("\(request)\n")
        return try await reader.readTextLine() ?? ""
    }
}

private func withWorkers(_ arguments: String..., body: (WorkersProgram) async throws -> Void) async throws {
    try await Program.with("workers-program", arguments) { try await body(WorkersProgram($0)) }
}
