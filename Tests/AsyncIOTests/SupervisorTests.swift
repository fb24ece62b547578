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

    // MARK: Changes at run time

    /// A supervisor whose tasks run until they are cancelled, and the log of their starts and ends.
    private final class Crew {
        let supervisor: Supervisor
        var log: [String] = []

        init(_ names: [String], _ strategy: Supervisor.Strategy = .oneForOne) {
            supervisor = Supervisor(strategy: strategy, restarts: 1, per: .seconds(10))
            for name in names { add(name) }
        }

        /// The task needs a second to end. It fails if its name says so.
        func add(_ name: String, _ body: @escaping () async throws -> Void = {}) {
            supervisor.add(name) { [self] in
                log.append(name)
                do {
                    try await body()
                    try await sleep(.seconds(3_600))
                } catch is CancellationError {
                    try await sleep(.seconds(1))
                    log.append("\(name) ended")
                    throw CancellationError()
                }
            }
        }

        func run(_ body: () async throws -> Void) async throws {
            try await withBackgroundTasks { tasks in
                let running = tasks.createTask { [supervisor] in try await supervisor.run() }
                try await sleep(.seconds(1))
                try await body()
                running.cancel()
                _ = try? await running.value
            }
        }
    }

    @Test func aTaskIsRemovedWhileTheOthersContinue() async throws {
        let crew = Crew(["a", "b", "c"])
        try await crew.run {
            let duration = try await time { try check(try await crew.supervisor.remove("b")) }
            #expect(duration == .seconds(1))
            #expect(crew.supervisor.names == ["a", "c"])
            #expect(try await !crew.supervisor.remove("b"))
            #expect(crew.log == ["a", "b", "c", "b ended"])
        }
        #expect(crew.log.sorted() == ["a", "a ended", "b", "b ended", "c", "c ended"])
    }

    @Test func theSupervisorEndsWithItsLastTask() async throws {
        let crew = Crew(["a"])
        try await withBackgroundTasks { tasks in
            let running = tasks.createTask { try await crew.supervisor.run() }
            try await sleep(.seconds(1))
            try await crew.supervisor.remove("a")
            try await running.value
        }
        #expect(crew.log == ["a", "a ended"])
    }

    @Test func aTaskIsRestartedAsOftenAsOneLikes() async throws {
        let crew = Crew(["a", "b"])
        try await crew.run {
            for _ in 0..<5 {
                try check(try await crew.supervisor.restart("a"))
                // A task that is cancelled before it begins would not be in the log.
                try await sleep(.seconds(1))
            }
            #expect(try await !crew.supervisor.restart("z"))
            #expect(crew.supervisor.children.map(\.restarts) == [5, 0])
            #expect(crew.log.filter { $0 == "a" }.count == 6 && crew.log.filter { $0 == "a ended" }.count == 5)
        }
        await #expect(throws: RuntimeError.self) { try await crew.supervisor.restart("a") }
    }

    @Test func theListSaysWhatTheTasksDo() async throws {
        let supervisor = Supervisor(restarts: 5, backoff: Backoff(initial: .seconds(10)))
        supervisor.add("good") { try await sleep(.seconds(3_600)) }
        supervisor.add("bad", restart: .always) { throw Boom(1) }
        #expect(supervisor.children.map(\.state) == [.stopped, .stopped])
        try await withBackgroundTasks { tasks in
            let running = tasks.createTask { try await supervisor.run() }
            try await sleep(.seconds(1))
            let children = supervisor.children
            #expect(
                children.map(\.name) == ["good", "bad"] && children.map(\.state) == [.running, .waitingForRestart])
            #expect(children.map(\.restarts) == [0, 1])
            #expect(children[0].lastError == nil && children[1].lastError as? Boom == Boom(1))
            // It does not wait any longer.
            supervisor.add("helper") { try await supervisor.restart("bad") }
            try await sleep(.seconds(1))
            #expect(supervisor.children[1].restarts == 3)
            running.cancel()
        }
    }

    @Test func aTaskCannotRemoveOrRestartItself() async throws {
        var errors: [any Error] = []
        let supervisor = Supervisor()
        supervisor.add("self") {
            do { try await supervisor.remove("self") } catch { errors.append(error) }
            do { try await supervisor.restart("self") } catch { errors.append(error) }
        }
        try await supervisor.run()
        #expect(errors.count == 2 && errors.allSatisfy { $0 is RuntimeError })
        #expect("\(errors[0])".contains("remove() waits for the end of self"))
    }

    @Test func aTaskThatIsBeingStoppedCannotStopOthers() async throws {
        var error: (any Error)?
        let supervisor = Supervisor(strategy: .oneForAll)
        supervisor.add("cleaner") {
            do { try await sleep(.seconds(3_600)) } catch let cancellation {
                do { try await supervisor.remove("other") } catch let refusal { error = refusal }
                throw cancellation
            }
        }
        supervisor.add("other") { try await sleep(.seconds(3_600)) }
        let running = createTask { try await supervisor.run() }
        try await sleep(.seconds(1))
        running.cancel()
        await #expect(throws: CancellationError.self) { try await running.value }
        #expect("\(error.map { "\($0)" } ?? "")".contains("cleaner, which is being stopped"))
    }

    @Test func whatIsAddedWhileTheSupervisorEndsIsNotStarted() async throws {
        var isStarted = false
        let supervisor = Supervisor()
        supervisor.add("a") {
            do { try await sleep(.seconds(3_600)) } catch {
                supervisor.add("late") { isStarted = true }
                throw error
            }
        }
        let running = createTask { try await supervisor.run() }
        try await sleep(.seconds(1))
        running.cancel()
        await #expect(throws: CancellationError.self) { try await running.value }
        try await sleep(.seconds(1))
        #expect(!isStarted)
    }

    @Test(.seeds(60)) func noScheduleRunsATaskTwiceAtATime() async throws {
        var running: [String: Int] = [:]
        let supervisor = Supervisor(strategy: .oneForAll, restarts: 1_000, per: .seconds(10))
        for name in ["a", "b", "c"] {
            supervisor.add(name, restart: .always) {
                running[name, default: 0] += 1
                #expect(running[name] == 1)
                defer { running[name, default: 0] -= 1 }
                try await sleep(.milliseconds(7))
                throw Boom()
            }
        }
        try await withBackgroundTasks { tasks in
            let whole = tasks.createTask { try await supervisor.run() }
            for number in 0..<3 {
                tasks.createTask {
                    for round in 0..<10 {
                        try await sleep(.milliseconds(3 + number))
                        let name = ["a", "b", "c"][(round + number) % 3]
                        try await supervisor.restart(name)
                    }
                }
            }
            try await sleep(.milliseconds(40))
            try await supervisor.remove("b")
            #expect(running["b"] == 0)
            try await sleep(.milliseconds(40))
            #expect(running["a"] ?? 0 <= 1 && running["b"] == 0)
            whole.cancel()
            await #expect(throws: CancellationError.self) { try await whole.value }
            #expect(running.values.allSatisfy { $0 == 0 })
        }
    }
}

/// For a check within a measurement.
private func check(_ isRight: Bool) throws { if !isRight { throw Boom() } }
