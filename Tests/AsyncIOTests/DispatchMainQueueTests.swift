import AsyncIO
import AsyncIOTesting
import Dispatch
import Foundation
import Glibc
import Synchronization
import Testing

/// The values that blocks report. The blocks are `@Sendable`, but run on the main actor.
private final class Seen {
    var trace: [Int] = []
    var passed = false
    let ended = Event()
    let texts = Queue<String>()
}

nonisolated private final class Switch: Sendable {
    private let value = Mutex(false)
    var isSet: Bool { value.withLock { $0 } }
    func set(_ value: Bool) { self.value.withLock { $0 = value } }
}

/// Dispatch's main queue, served by a loop on the process's first thread.
@Suite(.eventLoop) struct DispatchMainQueueTests {
    @Test func blocksRunOnTheLoopsThreadWithTheLoopCurrent() async throws {
        let loop = try EventLoop.running
        let seen = await withCheckedContinuation { continuation in
            DispatchQueue.main.async {
                dispatchPrecondition(condition: .onQueue(.main))
                MainActor.assumeIsolated { continuation.resume(returning: EventLoop.current === loop) }
            }
        }
        #expect(seen)
    }

    @Test func blocksRunInTheirOrderBetweenCallbacks() async throws {
        let seen = Seen()
        for number in 0..<100 {
            DispatchQueue.main.async { MainActor.assumeIsolated { seen.trace.append(number) } }
        }
        DispatchQueue.main.async { MainActor.assumeIsolated { seen.ended.set() } }
        try EventLoop.running.callSoon { seen.trace.append(-1) }
        try await seen.ended.wait()
        #expect(seen.trace.filter { $0 >= 0 } == Array(0..<100))
        #expect(seen.trace.contains(-1))
    }

    @Test func aBlockThatAddsItselfAgainLeavesTheLoopItsTurns() async throws {
        let isStopped = Switch()
        @Sendable nonisolated func again() {
            if !isStopped.isSet { DispatchQueue.main.async(execute: again) }
        }
        DispatchQueue.main.async(execute: again)
        for _ in 0..<100 { try await sleep(.milliseconds(1)) }
        isStopped.set(true)
    }

    @Test func blocksMayUseTheLibrary() async throws {
        let seen = Seen()
        DispatchQueue.main.async { MainActor.assumeIsolated { _ = createTask { try await seen.texts.put("here") } } }
        #expect(try await seen.texts.get() == "here")
    }

    @Test func asyncAfterRunsLater() async throws {
        let start = ContinuousClock.now
        await withCheckedContinuation { continuation in
            DispatchQueue.main.asyncAfter(deadline: .now() + 0.02) { continuation.resume() }
        }
        #expect(ContinuousClock.now - start >= .milliseconds(20))
    }

    @Test func syncFromAnotherThreadReturnsWhatTheBlockDoes() async throws {
        let value = try await toThread {
            DispatchQueue.main.sync { MainActor.assumeIsolated { EventLoop.current == nil ? 0 : 7 } }
        }
        #expect(value == 7)
    }

    @Test func aTimerSourceFiresAsOftenAsItIsAsked() async throws {
        let seen = Seen()
        let timer = DispatchSource.makeTimerSource(queue: .main)
        timer.schedule(deadline: .now(), repeating: .milliseconds(5))
        timer.setEventHandler { MainActor.assumeIsolated { try? seen.texts.putNoWait("tick") } }
        timer.resume()
        for _ in 0..<3 { _ = try await seen.texts.get() }
        timer.cancel()
    }

    @Test func aReadSourceAndASignalSourceFire() async throws {
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        let seen = Seen()
        let reading = DispatchSource.makeReadSource(fileDescriptor: ends[0], queue: .main)
        reading.setEventHandler {
            MainActor.assumeIsolated {
                reading.cancel()
                try? seen.texts.putNoWait("read")
            }
        }
        reading.resume()
        write(ends[1], "x", 1)
        #expect(try await seen.texts.get() == "read")

        // A change of the window size disturbs nothing.
        let signals = DispatchSource.makeSignalSource(signal: SIGWINCH, queue: .main)
        signals.setEventHandler { MainActor.assumeIsolated { try? seen.texts.putNoWait("signal") } }
        // Dispatch registers the source on another thread. A signal before that is lost.
        signals.setRegistrationHandler { kill(getpid(), SIGWINCH) }
        signals.resume()
        #expect(try await seen.texts.get() == "signal")
        signals.cancel()
    }

    @Test func operationsOfTheMainQueueRun() async throws {
        let sum = await withCheckedContinuation { continuation in
            let first = BlockOperation { dispatchPrecondition(condition: .onQueue(.main)) }
            let second = BlockOperation { continuation.resume(returning: 7) }
            second.addDependency(first)
            OperationQueue.main.addOperations([second, first], waitUntilFinished: false)
        }
        #expect(sum == 7)
    }

    @Test func aLoopThatNeverSleepsServesItToo() async throws {
        let hasRun = Switch()
        DispatchQueue.global().async { DispatchQueue.main.async { hasRun.set(true) } }
        while !hasRun.isSet { try await sleep(.zero) }
    }

    @Test(arguments: [EventLoop.Backend.epoll, .ioUring])
    func eachBackendServesIt(_ backend: EventLoop.Backend) async throws {
        try EventLoop.outsideOfAnyLoop {
            let value: Int
            do {
                value = try AsyncIO.run(backend: backend) {
                    await withCheckedContinuation { continuation in
                        DispatchQueue.main.async { continuation.resume(returning: 7) }
                    }
                }
            } catch let error as OSError where backend == .ioUring {
                _ = error // Not available in many containers.
                return
            }
            #expect(value == 7)
        }
    }

    @Test func whatComesBetweenTwoRunsWaitsForTheNext() async throws {
        try EventLoop.outsideOfAnyLoop {
            let runner = Runner()
            try runner.run {}
            let hasRun = Switch()
            DispatchQueue.main.async { hasRun.set(true) }
            #expect(!hasRun.isSet)
            try runner.run { while !hasRun.isSet { try await sleep(.milliseconds(1)) } }
            try runner.close()
            // The same for another loop.
            DispatchQueue.main.async { hasRun.set(false) }
            try AsyncIO.run { while hasRun.isSet { try await sleep(.milliseconds(1)) } }
        }
    }

    @Test func aLoopOnAnotherThreadLeavesItAlone() async throws {
        let hasRun = Switch()
        EventLoop.outsideOfAnyLoop {
            let ended = DispatchSemaphore(value: 0)
            let thread = Foundation.Thread {
                try? AsyncIO.run {
                    DispatchQueue.main.async { hasRun.set(true) }
                    try await sleep(.milliseconds(20))
                }
                ended.signal()
            }
            thread.start()
            ended.wait()
        }
        #expect(!hasRun.isSet)
        // This loop serves it.
        while !hasRun.isSet { try await sleep(.milliseconds(1)) }
    }

    @Test func timersOfRunLoopMainFireWhileATaskRunsIt() async throws {
        let hasFired = Switch()
        let timer = Foundation.Timer(timeInterval: 0.01, repeats: false) { _ in hasFired.set(true) }
        RunLoop.main.add(timer, forMode: .default)
        func runRunLoop() { _ = RunLoop.main.run(mode: .default, before: .distantPast) }
        let pump = createTask {
            while true {
                runRunLoop()
                try await sleep(.milliseconds(5))
            }
        }
        while !hasFired.isSet { try await sleep(.milliseconds(1)) }
        pump.cancel()
    }
}

struct DispatchMainQueueElsewhereTests {
    @Test func theLoopOfATestRunnerServesIt() async {
        let value = await withCheckedContinuation { continuation in
            DispatchQueue.main.async { continuation.resume(returning: 7) }
        }
        #expect(value == 7)
    }

    @Test(.virtualTime) func aLoopInVirtualTimeServesItBeforeTimePasses() async throws {
        let loop = try EventLoop.running
        let start = loop.now
        let value = await withCheckedContinuation { continuation in
            DispatchQueue.main.async { continuation.resume(returning: 7) }
        }
        #expect(value == 7)
        #expect(loop.now == start)
        let seen = Seen()
        DispatchQueue.main.async { MainActor.assumeIsolated { seen.passed = loop.now > start } }
        try await sleep(.seconds(3600))
        #expect(!seen.passed)
        #expect(loop.now - start == .seconds(3600))
    }

    @Test func itKeepsNoLoopInVirtualTimeFromADeadlock() throws {
        #expect(throws: DeadlockError.self) {
            try runInVirtualTime {
                try await sleep(.seconds(1))
                try await Event().wait()
            }
        }
    }
}
