import AsyncIO
import AsyncIOTesting
import Testing

@Suite(.virtualTime)
struct LoopObserverTests {
    private final class Recorder: LoopObserver {
        var events: [String] = []
        var depth = 0

        func turnBegan(on loop: EventLoop, ready: Int) { depth += 1 }
        func turnEnded(on loop: EventLoop) { depth -= 1 }
        func stepBegan(_ step: LoopStep, on loop: EventLoop) {
            events.append("step of \(step.task?.name ?? "-") began")
        }
        func stepEnded(_ step: LoopStep, on loop: EventLoop) {
            events.append("\(step.kind) of \(step.task?.name ?? "-") ended")
        }
        func taskCreated(_ task: AnyAsyncTask, on loop: EventLoop) { events.append("\(task.name) created") }
        func taskEnded(_ task: AnyAsyncTask, on loop: EventLoop) {
            events.append("\(task.name) ended\(task.wasCancelled ? " cancelled" : task.isDone ? "" : " too early")")
        }
        func waitBegan(_ task: AnyAsyncTask, on loop: EventLoop) { events.append("\(task.name) waits") }
        func waitEnded(_ task: AnyAsyncTask, on loop: EventLoop) { events.append("\(task.name) continues") }
    }

    @Test
    func anObserverSeesTheLifeOfATaskInOrder() async throws {
        let loop = try EventLoop.running
        let recorder = Recorder()
        loop.addObserver(recorder)
        let task = createTask(name: "T") { try await sleep(.seconds(1)) }
        try await task.value
        loop.removeObserver(recorder)
        let ofTask = recorder.events.filter { $0.contains("T ") }
        #expect(
            ofTask == [
                "T created", "task of T ended", "T waits", "T continues", "step of T began", "T ended",
                "task of T ended",
            ])
        #expect(recorder.events.contains("step of - began"))
    }

    @Test
    func anObserverSeesHowATaskHasEnded() async throws {
        struct Failure: Error {}
        let loop = try EventLoop.running
        let recorder = Recorder()
        loop.addObserver(recorder)
        let failing = createTask(name: "F") { throw Failure() }
        let cancelled = createTask(name: "C") { try await sleep(.seconds(1)) }
        try await sleep(.zero)
        cancelled.cancel()
        await #expect(throws: Failure.self) { try await failing.value }
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        loop.removeObserver(recorder)
        #expect(recorder.events.contains("F ended"))
        #expect(recorder.events.contains("C ended cancelled"))
    }

    @Test
    func anObserverSeesCallbacksAndDoneCallbacks() async throws {
        let loop = try EventLoop.running
        let recorder = Recorder()
        loop.addObserver(recorder)
        let future = Future<Void>()
        future.addDoneCallback { _ in }
        try loop.callSoon { try future.setResult(()) }
        try await sleep(.seconds(1))
        loop.removeObserver(recorder)
        #expect(recorder.events.contains("callback of - ended"))
        #expect(recorder.events.contains("doneCallback of - ended"))
    }

    @Test
    func aRemovedObserverSeesNothingMore() async throws {
        let loop = try EventLoop.running
        let recorder = Recorder()
        loop.addObserver(recorder)
        try await sleep(.seconds(1))
        loop.removeObserver(recorder)
        let count = recorder.events.count
        #expect(count > 0)
        try await sleep(.seconds(1))
        #expect(recorder.events.count == count)
    }

    private final class Turns: LoopObserver {
        var observesSteps: Bool { false }
        var steps = 0
        var began = 0
        var ended = 0
        var entries = 0
        func turnBegan(on loop: EventLoop, ready: Int) {
            began += 1
            entries += ready
        }
        func turnEnded(on loop: EventLoop) { ended += 1 }
        func stepBegan(_ step: LoopStep, on loop: EventLoop) { steps += 1 }
    }

    @Test
    func anObserverSeesEachTurnWithWhatIsReady() async throws {
        let loop = try EventLoop.running
        let turns = Turns()
        loop.addObserver(turns)
        let before = loop.statistics.turns
        for _ in 0..<5 { try await sleep(.zero) }
        let passed = loop.statistics.turns - before
        loop.removeObserver(turns)
        #expect(passed == 5)
        // The observer was removed within the last turn.
        #expect((turns.began, turns.ended) == (5, 4))
        #expect(turns.entries >= 5)
        #expect(turns.steps == 0)
    }
}
