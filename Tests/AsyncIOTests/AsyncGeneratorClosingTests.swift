import AsyncIO
import AsyncIOTesting
import Testing

/// A generator ends with its consumer, and scopes in its body are its own.
@Suite(.virtualTime) struct AsyncGeneratorClosingTests {
    /// Counts forever. Its cleanup waits for a second.
    private func counter(_ log: Log) -> AsyncGenerator<Int> {
        AsyncGenerator { yield in
            do {
                for number in 0... { try await yield(number) }
            } catch {
                log.lines.append("closing: \(type(of: error))")
                try await sleep(.seconds(1))
                log.lines.append("closed")
                throw error
            }
        }
    }

    // MARK: Closing

    @Test func theBodysCleanUpRunsWhenTheConsumerBreaksOut() async throws {
        let log = Log()
        for try await number in counter(log) where number == 2 { break }
        try await sleep(.seconds(2))
        #expect(log.lines == ["closing: CancellationError", "closed"])
    }

    @Test func theBodysCleanUpRunsWhenTheConsumerFails() async throws {
        let log = Log()
        await #expect(throws: Boom(1)) {
            for try await number in counter(log) where number == 2 { throw Boom(1) }
        }
        try await sleep(.seconds(2))
        #expect(log.lines == ["closing: CancellationError", "closed"])
    }

    @Test func theBodysCleanUpRunsWhenItsConsumerIsCancelled() async throws {
        let log = Log()
        let task = createTask {
            for try await _ in counter(log) { try await sleep(.seconds(10)) }
        }
        try await sleep(.seconds(15))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        try await sleep(.seconds(2))
        #expect(log.lines == ["closing: CancellationError", "closed"])
    }

    @Test func aCancellationReachesWhatTheBodyWaitsFor() async throws {
        let log = Log()
        let task = createTask {
            let generator = AsyncGenerator<Int> { yield in
                do {
                    try await sleep(.seconds(3600))
                    try await yield(1)
                } catch {
                    log.lines.append("body: \(type(of: error)) \(currentTask()?.cancelMessage ?? "")")
                    throw error
                }
            }
            for try await _ in generator {}
        }
        try await sleep(.seconds(1))
        task.cancel("enough")
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(log.lines == ["body: CancellationError enough"])
        #expect(task.wasCancelled)
        #expect(task.cancelMessage == "enough")
    }

    @Test func aCancellationReachesAForeignWaitInTheBody() async throws {
        let task = createTask {
            let generator = AsyncGenerator<Int> { _ in try await Task.sleep(for: .seconds(3600)) }
            for try await _ in generator {}
        }
        try await sleep(.seconds(1))
        task.cancel()
        let duration = try await time { await #expect(throws: CancellationError.self) { try await task.value } }
        #expect(duration == .zero)
    }

    @Test func aBodyThatSwallowsACancellationGoesOn() async throws {
        let task = createTask {
            let generator = AsyncGenerator<Int> { yield in
                do { try await sleep(.seconds(3600)) } catch { currentTask()?.uncancel() }
                try await yield(1)
                try await sleep(.seconds(1))
                try await yield(2)
            }
            var numbers: [Int] = []
            for try await number in generator { numbers.append(number) }
            return (numbers, currentTask()?.cancelling)
        }
        try await sleep(.seconds(1))
        task.cancel()
        let (numbers, requests) = try await task.value
        #expect(numbers == [1, 2])
        #expect(requests == 0)
    }

    @Test func aCancellationThatTheBodyDidNotSeeIsItsConsumers() async throws {
        let task = createTask {
            let generator = AsyncGenerator<Int> { yield in
                currentTask()?.cancel("from inside")
                try await yield(1)
            }
            for try await number in generator {
                #expect(number == 1)
                try await sleep(.seconds(3600))
            }
        }
        let duration = try await time { await #expect(throws: CancellationError.self) { try await task.value } }
        #expect(duration == .zero)
        #expect(task.cancelMessage == "from inside")
    }

    @Test func aCancellationFromBeforeIsDeliveredAtTheBodysFirstWait() async throws {
        var hasBegun = false
        let task = createTask {
            currentTask()?.cancel()
            let generator = AsyncGenerator<Int> { yield in
                hasBegun = true
                try await sleep(.seconds(3600))
                try await yield(1)
            }
            for try await _ in generator {}
        }
        let duration = try await time { await #expect(throws: CancellationError.self) { try await task.value } }
        #expect(duration == .zero)
        #expect(hasBegun)
    }

    @Test func closeEndsTheBodyAndWaitsForItsCleanUp() async throws {
        let log = Log()
        let iterator = counter(log).makeAsyncIterator()
        #expect(try await iterator.next() == 0)
        let duration = try await time { try await iterator.close() }
        #expect(log.lines == ["closing: CancellationError", "closed"])
        #expect(duration == .seconds(1))
        #expect(try await iterator.next() == nil)
        try await iterator.close()
    }

    @Test func closingAGeneratorThatNeverBeganRunsNothing() async throws {
        let log = Log()
        let iterator = counter(log).makeAsyncIterator()
        try await iterator.close()
        #expect(try await iterator.next() == nil)
        #expect(log.lines == [])
    }

    @Test func anErrorOfTheCleanUpIsThrownByClose() async throws {
        let generator = AsyncGenerator<Int> { yield in
            do { try await yield(1) } catch { throw Boom(1) }
        }
        let iterator = generator.makeAsyncIterator()
        _ = try await iterator.next()
        await #expect(throws: Boom(1)) { try await iterator.close() }
    }

    @Test func anErrorOfAnAbandonedBodyIsReported() async throws {
        let reports = try ReportRecorder()
        let generator = AsyncGenerator<Int> { yield in
            do { try await yield(1) } catch { throw Boom(1) }
        }
        for try await _ in generator { break }
        try await settle()
        #expect(reports.reports.map { $0.error as? Boom } == [Boom(1)])
    }

    @Test func aBodyThatYieldsThoughItIsClosedIsAMistake() async throws {
        let generator = AsyncGenerator<Int> { yield in
            for number in 0... { try? await yield(number) }
        }
        let iterator = generator.makeAsyncIterator()
        _ = try await iterator.next()
        await #expect(throws: RuntimeError.self) { try await iterator.close() }
        #expect(try await iterator.next() == nil)
    }

    @Test func aRunThatEndsWaitsForTheCleanUpOfGenerators() throws {
        let log = Log()
        try runInVirtualTime {
            for try await number in counter(log) where number == 2 { break }
        }
        #expect(log.lines == ["closing: CancellationError", "closed"])
    }

    // MARK: Tasks

    @Test func theCurrentTaskInsideTheBodyIsTheConsumer() async throws {
        var seen: [String] = []
        let generator = AsyncGenerator<Int> { yield in
            seen.append(currentTask()?.name ?? "")
            try await yield(1)
            try await withTimeout(.seconds(5)) {
                seen.append(currentTask()?.name ?? "")
                try await yield(2)
                seen.append(currentTask()?.name ?? "")
            }
            seen.append(currentTask()?.name ?? "")
            try await yield(3)
        }
        let iterator = generator.makeAsyncIterator()
        _ = try await createTask(name: "a") { try await iterator.next() }.value
        _ = try await createTask(name: "b") { try await iterator.next() }.value
        _ = try await createTask(name: "c") { try await iterator.next() }.value
        #expect(seen == ["a", "b", "c", "c"])
        #expect(allTasks().count == 1)
    }

    @Test func theConsumerIsTheCurrentTaskBetweenElements() async throws {
        let outside = createTask(name: "consumer") {
            var names: [String?] = []
            let generator = AsyncGenerator<Int> { yield in
                for number in 0..<3 { try await withTimeout(.seconds(60)) { try await yield(number) } }
            }
            for try await _ in generator {
                names.append(currentTask()?.name)
                try await Task.sleep(for: .seconds(1))
                names.append(currentTask()?.name)
            }
            return names
        }
        #expect(try await outside.value == Array(repeating: "consumer", count: 6))
    }

    @Test func anElementCostsNoTurnOfTheLoop() async throws {
        let generator = AsyncGenerator<Int> { yield in
            for number in 0..<1_000 { try await yield(number) }
        }
        let turns = try await turns { for try await _ in generator {} }
        #expect(turns == 0)
    }

    @Test func aGeneratorMayConsumeAnother() async throws {
        let numbers = AsyncGenerator<Int> { yield in
            for number in 1...3 {
                try await sleep(.seconds(1))
                try await yield(number)
            }
        }
        let names = createTask(name: "consumer") {
            let squares = AsyncGenerator<String> { yield in
                for try await number in numbers { try await yield("\(currentTask()?.name ?? "") \(number * number)") }
            }
            var names: [String] = []
            for try await name in squares { names.append(name) }
            return names
        }
        #expect(try await names.value == ["consumer 1", "consumer 4", "consumer 9"])
    }

    @Test func closingAGeneratorClosesTheOneThatItConsumes() async throws {
        let log = Log()
        let outer = AsyncGenerator<Int> { yield in
            for try await number in counter(log) { try await yield(number) }
        }
        for try await number in outer where number == 2 { break }
        try await sleep(.seconds(2))
        #expect(log.lines == ["closing: CancellationError", "closed"])
    }

    @Test func twoConsumersAtOnceAreAMistake() async throws {
        let generator = AsyncGenerator<Int> { yield in
            try await sleep(.seconds(1))
            try await yield(1)
        }
        let iterator = generator.makeAsyncIterator()
        let first = createTask { try await iterator.next() }
        try await sleep(.zero)
        await #expect(throws: RuntimeError.self) { try await iterator.next() }
        await #expect(throws: RuntimeError.self) { try await iterator.close() }
        #expect(try await first.value == 1)
    }

    @Test func aPlainSwiftTaskMayConsumeAndBeCancelled() async throws {
        let log = Log()
        let numbers = try await Task {
            var numbers: [Int] = []
            for try await number in counter(log) {
                numbers.append(number)
                if number == 2 { break }
            }
            return numbers
        }.value
        #expect(numbers == [0, 1, 2])
        try await sleep(.seconds(2))
        #expect(log.lines == ["closing: CancellationError", "closed"])

        let waiting = Task {
            let generator = AsyncGenerator<Int> { _ in try await sleep(.seconds(3600)) }
            for try await _ in generator {}
        }
        try await sleep(.seconds(1))
        waiting.cancel()
        let duration = try await time { await #expect(throws: CancellationError.self) { try await waiting.value } }
        #expect(duration == .zero)
    }

    // MARK: Scopes in the body (PEP 789)

    @Test func aTimeOutThatExpiresBetweenElementsEndsTheBodyAndNotTheConsumer() async throws {
        var inside: (any Error)?
        let generator = AsyncGenerator<Int> { yield in
            inside = await thrown {
                try await withTimeout(.seconds(1)) {
                    try await yield(1)
                    try await yield(2)
                }
            }
            try await yield(3)
        }
        var numbers: [Int] = []
        let duration = try await time {
            for try await number in generator {
                numbers.append(number)
                try await sleep(.seconds(5))
            }
        }
        #expect(numbers == [1, 3])
        #expect(inside is TimeoutError)
        #expect(duration == .seconds(10))
        #expect(currentTask()?.cancelling == 0)
    }

    @Test func aTimeOutEndsTheBodyWhereItWaits() async throws {
        let generator = AsyncGenerator<Int> { yield in
            try await withTimeout(.seconds(3)) {
                try await yield(1)
                try await Task.sleep(for: .seconds(3600))
            }
        }
        let duration = try await time {
            await #expect(throws: TimeoutError.self) {
                for try await _ in generator { try await sleep(.seconds(1)) }
            }
        }
        #expect(duration == .seconds(3))
    }

    @Test func aTimeOutOfTheConsumerEndsTheBodyWhereItWaits() async throws {
        let log = Log()
        let generator = AsyncGenerator<Int> { yield in
            try await yield(1)
            do {
                try await withTimeout(.seconds(60)) { try await sleep(.seconds(3600)) }
            } catch {
                log.lines.append("\(type(of: error))")
                throw error
            }
        }
        await #expect(throws: TimeoutError.self) {
            try await withTimeout(.seconds(2)) { for try await _ in generator {} }
        }
        #expect(log.lines == ["CancellationError"])
        try await Task.sleep(for: .seconds(1))
    }

    @Test func aFailingGroupInTheBodyCancelsTheBodyAndNotTheConsumer() async throws {
        let generator = AsyncGenerator<Int> { yield in
            try await withAsyncTaskGroup { group in
                try group.createTask {
                    try await sleep(.seconds(1))
                    throw Boom(1)
                }
                try await yield(1)
                try await yield(2)
            }
        }
        var numbers: [Int] = []
        let error = await thrown {
            for try await number in generator {
                numbers.append(number)
                try await sleep(.seconds(5))
            }
        }
        #expect(numbers == [1])
        #expect((error as? ExceptionGroup)?.errors as? [Boom] == [Boom(1)])
        #expect(currentTask()?.cancelling == 0)
        try await sleep(.seconds(1))
    }

    @Test func aGroupInTheBodyEndsItsTasksWhenTheConsumerLeaves() async throws {
        let log = Log()
        let generator = AsyncGenerator<Int> { yield in
            try await withAsyncTaskGroup { group in
                try group.createTask {
                    do {
                        try await sleep(.seconds(3600))
                    } catch {
                        log.lines.append("child cancelled")
                        throw error
                    }
                }
                try await sleep(.zero)
                try await yield(1)
            }
        }
        let consumer = createTask { for try await _ in generator { break } }
        try await consumer.value
        try await sleep(.seconds(1))
        #expect(log.lines == ["child cancelled"])
        #expect(allTasks().count == 1)
    }

    @Test func aScopeMayOutliveTheTaskThatItWasOpenedIn() async throws {
        let log = Log()
        let generator = AsyncGenerator<Int> { yield in
            let error = await thrown {
                try await withTimeout(.seconds(60)) {
                    try await withTimeout(.seconds(60)) { try await yield(1) }
                }
            }
            log.lines.append("\(error.map { "\(type(of: $0))" } ?? "none") in \(currentTask()?.name ?? "")")
            try await withTimeout(.seconds(1)) { try await sleep(.seconds(60)) }
        }
        do {
            let consumer = createTask { for try await _ in generator { break } }
            try await consumer.value
        }
        // Swift tasks are created and destroyed where the consumer's were.
        for _ in 0..<100 {
            try await withTimeout(.seconds(1)) { try await sleep(.zero) }
            #expect(await Task { currentTask() == nil }.value)
        }
        #expect(log.lines == ["CancellationError in generator clean-up"])
    }

    // MARK: Reports

    @Test func aDeadlockReportTellsWhatTheBodyWaitsFor() throws {
        #expect {
            try runInVirtualTime {
                let event = Event()
                for try await _ in AsyncGenerator<Int>({ _ in try await event.wait() }) {}
            }
        } throws: { error in
            "\(error)".contains("Event.wait()")
        }
    }
}
