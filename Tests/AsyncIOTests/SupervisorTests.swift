import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime) struct SupervisorTests {
    @Test func aTaskThatFailsIsRestartedAndOneThatReturnsIsNot() async throws {
        var runs = ["a": 0, "b": 0]
        let supervisor = Supervisor()
        supervisor.add("a") {
            runs["a", default: 0] += 1
            try await sleep(.seconds(1))
            if runs["a"] == 1 { throw Boom() }
        }
        supervisor.add("b") { runs["b", default: 0] += 1 }
        #expect(try await time { try await supervisor.run() } == .seconds(2))
        #expect(runs == ["a": 2, "b": 1])
        #expect(supervisor.names.isEmpty)
    }

    @Test func tooManyRestartsEndTheSupervisorAndTheOtherTasks() async throws {
        var log: [String] = []
        let supervisor = Supervisor(restarts: 2, per: .seconds(10))
        supervisor.add("healthy") {
            do { try await sleep(.seconds(60)) } catch {
                log.append("healthy was cancelled")
                throw error
            }
        }
        supervisor.add("broken") {
            log.append("broken")
            throw Boom(log.count)
        }
        let error = await #expect(throws: SupervisionError.self) { try await supervisor.run() }
        #expect(log == ["broken", "broken", "broken", "healthy was cancelled"])
        #expect(error?.name == "broken" && error?.underlyingError as? Boom == Boom(3))
        #expect(error?.description.contains("2 restarts") == true)
    }

    @Test func failuresThatAreFarApartAreForgiven() async throws {
        var runs = 0
        try await supervise("slow", restarts: 1, per: .seconds(5)) {
            runs += 1
            try await sleep(.seconds(6))
            if runs < 10 { throw Boom() }
        }
        #expect(runs == 10)
    }

    @Test func theDelayGrowsUntilATaskIsHealthy() async throws {
        let loop = try EventLoop.running
        let start = loop.now
        var starts: [Duration] = []
        try await supervise("task", restarts: 10, per: .seconds(10), backoff: Backoff(initial: .seconds(1))) {
            starts.append(loop.now - start)
            if starts.count == 4 { try await sleep(.seconds(10)) }
            if starts.count < 6 { throw Boom() }
        }
        #expect(starts == [.zero, .seconds(1), .seconds(3), .seconds(7), .seconds(18), .seconds(20)])
    }

    @Test(arguments: [
        (Supervisor.Strategy.oneForOne, "a b c b"), (.oneForAll, "a b c a b c"), (.restForOne, "a b c b c"),
    ])
    func theStrategySaysWhoIsRestarted(_ strategy: Supervisor.Strategy, _ expected: String) async throws {
        var log: [String] = []
        let supervisor = Supervisor(strategy: strategy)
        for name in ["a", "b", "c"] {
            supervisor.add(name) {
                log.append(name)
                try await sleep(.seconds(1))
                if name == "b", log.count == 3 { throw Boom() }
                try await sleep(.seconds(1))
            }
        }
        try await supervisor.run()
        #expect(log.joined(separator: " ") == expected)
    }

    @Test func theRestartRuleIsThatOfTheTask() async throws {
        let reports = try ReportRecorder()
        var runs = 0
        let supervisor = Supervisor(restarts: 3, per: .seconds(5))
        supervisor.add("never", restart: .never) { throw Boom() }
        supervisor.add("always", restart: .always) {
            runs += 1
            try await sleep(.seconds(1))
        }
        await #expect(throws: SupervisionError.self) { try await supervisor.run() }
        #expect(runs == 4)
        #expect(reports.messages == ["A supervised task failed and is not restarted"])
    }

    @Test func restartsAreAnnounced() async throws {
        var log: [String] = []
        let supervisor = Supervisor { name, error in log.append("\(name): \(error.map { "\($0)" } ?? "-")") }
        supervisor.add("a") { if log.isEmpty { throw ValueError("first") } }
        try await supervisor.run()
        #expect(log == ["a: first"])
    }

    @Test func aTaskCanBeAddedWhileTheSupervisorRuns() async throws {
        var hasRun = false
        let supervisor = Supervisor()
        supervisor.add("first") {
            supervisor.add("second") { hasRun = true }
            try await sleep(.seconds(1))
        }
        try await supervisor.run()
        #expect(hasRun)
    }

    @Test func cancellingTheSupervisorCancelsTheLatestTaskFirstAndWaits() async throws {
        var log: [String] = []
        let supervisor = Supervisor()
        for name in ["a", "b"] {
            supervisor.add(name) {
                do { try await sleep(.seconds(60)) } catch {
                    log.append(name)
                    try await sleep(.seconds(1))
                    log.append("\(name) ended")
                    throw error
                }
            }
        }
        let task = createTask { try await supervisor.run() }
        try await sleep(.seconds(1))
        #expect(supervisor.names == ["a", "b"])
        task.cancel()
        let duration = try await time { await #expect(throws: CancellationError.self) { try await task.value } }
        #expect(duration == .seconds(1))
        #expect(log == ["b", "a", "b ended", "a ended"])
    }

    @Test func aCancellationEndsTheWaitBeforeARestart() async throws {
        let task = createTask {
            try await supervise("task", backoff: Backoff(initial: .seconds(60))) { throw Boom() }
        }
        try await sleep(.seconds(1))
        task.cancel()
        let duration = try await time { await #expect(throws: CancellationError.self) { try await task.value } }
        #expect(duration == .zero)
    }

    @Test(.seeds(20)) func noScheduleLosesARestart() async throws {
        var runs = [0, 0, 0]
        let supervisor = Supervisor(strategy: .oneForAll, restarts: 100, per: .seconds(60))
        for number in 0..<3 {
            supervisor.add("\(number)") {
                runs[number] += 1
                try await sleep(.zero)
                if runs[number] < 4 { throw Boom() }
                try await sleep(.seconds(1))
            }
        }
        try await supervisor.run()
        #expect(runs.allSatisfy { $0 >= 4 })
    }

    @Test func badNumbersAreErrors() async throws {
        #expect(throws: ValueError.self) { try Supervisor(validatingRestarts: -1) }
        #expect(throws: ValueError.self) { try Supervisor(validatingRestarts: 1, per: .zero) }
        let supervisor = Supervisor()
        supervisor.add("a") { try await sleep(.seconds(1)) }
        let task = createTask { try await supervisor.run() }
        try await sleep(.zero)
        await #expect(throws: RuntimeError.self) { try await supervisor.run() }
        try await task.value
    }
}
