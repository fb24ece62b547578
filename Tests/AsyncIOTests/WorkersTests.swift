import AsyncIO
import AsyncIOTesting
import Foundation
import Glibc
import SystemPackage
import Testing

/// `Tests/Programs/Workers` under its supervisor, with real clients.
@Suite(.eventLoop, .timeLimit(.minutes(2))) struct WorkersTests {
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
            try await sleep(.milliseconds(100))
            try program.process.terminate()
            #expect(try await reader.readLine().count > 1)
            writer.close()
            #expect(
                try await program.rest().sorted().map { $0.split(separator: " ")[0] } == ["end", "stopped", "stopped"])
            #expect(try await program.process.wait() == 0)
            await #expect(throws: OSError.self) { _ = try await program.connect() }
        }
    }

    @Test func connectionsThatDoNotEndAreCutOffWhenTheGraceIsOver() async throws {
        try await withWorkers("short grace") { program in
            _ = try await program.ready(1)
            let (reader, writer) = try await program.connect()
            try await writer.write("for ever\n")
            try await sleep(.milliseconds(100))
            let start = ContinuousClock.now
            try program.process.terminate()
            _ = try? await reader.readLine()
            #expect(ContinuousClock.now - start >= .milliseconds(250))
            #expect(try await program.process.wait() == 0)
            writer.close()
        }
    }

    @Test func aSecondRequestToEndKillsTheWorkers() async throws {
        try await withWorkers("no loop") { program in
            let worker = try await program.ready(1)[0]
            try program.process.sendSignal(.interrupt)
            while try await program.line() != "computing" {}
            try program.process.sendSignal(.interrupt)
            #expect(try await program.rest() == ["threw worker 0 was ended by SIGKILL"])
            #expect(try await program.process.wait() == 3)
            #expect(!Process.isRunning(worker.pid))
        }
    }

    @Test func workersStopWhenTheirSupervisorIsGone() async throws {
        try await withWorkers { program in
            let workers = try await program.ready(2)
            try program.process.kill()
            for worker in workers {
                for _ in 0..<5_000 where Process.isRunning(worker.pid) { try await sleep(.milliseconds(1)) }
                #expect(!Process.isRunning(worker.pid))
            }
        }
    }

    @Test func workersThatAreNeverReadyEndTheSupervisor() async throws {
        try await withWorkers("fails", "/proc/self/exe") { program in
            let last = try await program.rest().last
            #expect(last?.hasSuffix("ended with status 1") == true)
            #expect(try await program.process.wait() == 3)
        }
    }

    @Test func signalsAreHandedOn() async throws {
        try await withWorkers { program in
            _ = try await program.ready(2)
            try program.process.sendSignal(.user1)
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
            #expect(worker.pid == program.process.pid)
            #expect(try await program.ask("hello") == "\(worker.pid)")
            try program.process.terminate()
            #expect(try await program.rest() == ["stopped \(worker.pid)", "end"])
            #expect(try await program.process.wait() == 0)
        }
    }

    @Test func workersMayListenOnAUnixSocketWhoseFileGoesWithTheSupervisor() async throws {
        let directory = try TemporaryDirectory()
        try await withWorkers("unix", "\(directory.path)/socket") { program in
            _ = try await program.ready(2)
            let (reader, writer) = try await openUnixConnection(path: "\(directory.path)/socket")
            try await writer.write("hello\n")
            #expect(try await reader.readLine().count > 1)
            writer.close()
            try program.process.terminate()
            #expect(try await program.process.wait() == 0)
            #expect(access("\(directory.path)/socket", F_OK) != 0)
        }
    }

    @Test func aCountThatIsNotPositiveIsRefused() {
        for count: WorkerCount in [0, -1] {
            #expect(throws: ValueError.self) { try runWorkers(count: count) { _ in } }
        }
    }

    // MARK: Reload

    @Test func aReloadThatFailsLeavesTheWorkersAsTheyAre() async throws {
        let directory = try TemporaryDirectory()
        try await withWorkers("fails", "\(directory.path)/fail") { program in
            let workers = try await program.ready(2)
            try directory.write("fail", "")
            try program.process.sendSignal(.hangUp)
            // Three attempts with 0.1 and 0.2 s between them.
            try await sleep(.seconds(2))
            #expect(workers.allSatisfy { Process.isRunning($0.pid) })
            let answer = try await program.ask("hello")
            #expect(workers.map(\.pid).contains(try #require(Int32(answer))))
            // And the next one succeeds.
            directory.remove("fail")
            try program.process.sendSignal(.hangUp)
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
            try await sleep(.milliseconds(300))

            for _ in 0..<3 {
                try program.process.sendSignal(.hangUp)
                workers = try await program.ready(2)
                try await sleep(.milliseconds(500))
            }
            #expect(clients.failures == [])
            #expect(clients.pids.count >= 4)

            // One that has clients.
            let (before, victim) = (clients.answers, clients.latest)
            #expect(workers.map(\.pid).contains(victim))
            kill(victim, SIGKILL)
            _ = try await program.ready(1)
            try await sleep(.milliseconds(300))
            #expect(clients.answers > before)
            // Each client had one connection, and who it was with is known once it has answered.
            #expect(!clients.failures.isEmpty)
            #expect(clients.failures.count <= short.count + long.count)
            for failure in clients.failures {
                #expect(failure.pid == victim || failure.pid == nil, "\(failure)")
                #expect(failure.code != .connectionRefused)
            }
            try program.process.sendSignal(.hangUp)
            workers = try await program.ready(2)
            try await sleep(.milliseconds(300))
            clients.stop()
            _ = try await gather(short + long)
        }
    }
}

/// Clients that never rest.
final class Clients {
    struct Failure: Equatable {
        /// Who had answered on that connection; nil if nobody had.
        let pid: Int32?
        let code: Errno?
    }

    private let port: Int
    private var isStopped = false
    private(set) var answers = 0
    private(set) var pids: Set<Int32> = []
    /// Who answered last on a connection that is kept.
    private(set) var latest: Int32 = 0
    private(set) var failures: [Failure] = []
    init(port: Int) { self.port = port }

    func stop() { isStopped = true }

    /// A connection for each request.
    func connectAgainAndAgain() async throws {
        while !isStopped { try await converse(requests: 1) }
    }

    /// As many requests on a connection as the server lets it have.
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
                // The server takes no more on this connection.
                if words.count > 1 { return }
            }
        } catch let error as OSError {
            failures.append(Failure(pid: pid, code: error.code))
        }
    }
}

/// The program, and what it says.
final class WorkersProgram {
    let process: Subprocess
    private(set) var port = 0

    fileprivate init(_ process: Subprocess) { self.process = process }

    func line() async throws -> String {
        let line = try await process.stdout?.readLine() ?? []
        if line.isEmpty { throw TestError("the program has ended: \(process)") }
        return String(decoding: line.dropLast(), as: UTF8.self)
    }

    /// The next workers that say that they are ready.
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

    /// The lines up to its end.
    func rest() async throws -> [String] {
        let text = String(decoding: try await process.stdout?.read() ?? [], as: UTF8.self)
        return text.split(separator: "\n").map(String.init)
    }

    func connect() async throws -> (StreamReader, StreamWriter) {
        try await openConnection(host: "127.0.0.1", port: port)
    }

    func ask(_ request: String) async throws -> String {
        let (reader, writer) = try await connect()
        defer { writer.close() }
        try await writer.write("\(request)\n")
        return String(decoding: try await reader.readLine().dropLast(), as: UTF8.self)
    }
}

private func withWorkers(_ arguments: String..., body: (WorkersProgram) async throws -> Void) async throws {
    let here = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    try await withSubprocess(
        here.appendingPathComponent("workers-program").path, arguments: arguments, stdout: .pipe, stderr: .devNull
    ) { try await body(WorkersProgram($0)) }
}
