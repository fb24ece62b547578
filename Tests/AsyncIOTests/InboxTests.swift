import AsyncIO
import AsyncIOTesting
import Testing

/// Work that other threads leave for a loop, and how they wake it.
@Suite struct InboxTests {
    @Test func aCallbackFromAnotherThreadRunsOnTheLoopsThread() async throws {
        let loop = try EventLoop.running
        let home = thisThread()
        nonisolated(unsafe) let future = Future<UInt>()
        onForeignThread {
            _ = try? loop.callSoonThreadSafe { try future.setResult(thisThread()) }
        }
        #expect(try await future.value == home)
    }

    @Test func aCallbackFromAnotherThreadWakesASleepingLoop() throws {
        try withLoop { loop in
            try loop.callLater(.seconds(3600)) { Issue.record("the loop was not woken") }
            onForeignThread {
                block(.milliseconds(20))
                _ = try? loop.callSoonThreadSafe { loop.stop() }
            }
            try loop.runForever()
            #expect(loop.turns < 100)
        }
    }

    @Test func callbacksOfOneThreadKeepTheirOrderAndTheirPlaceInTheQueue() throws {
        try withLoop { loop in
            let log = Log()
            try loop.callSoon { log("first") }
            for number in 0..<3 { try loop.callSoonThreadSafe { onLoop { log("\(number)") } } }
            try loop.callLater(.zero) { log("timer") }
            loop.stop()
            try loop.runForever()
            #expect(log.lines == ["first", "0", "1", "2", "timer"])
        }
    }

    @Test func noCallbackIsLostHoweverManyThreadsSendThem() throws {
        try withLoop { loop in
            let (threads, each) = (8, 2_000)
            let received = Counter()
            for _ in 0..<threads {
                onForeignThread {
                    for _ in 0..<each {
                        _ = try? loop.callSoonThreadSafe {
                            if received.increase() == threads * each { loop.stop() }
                        }
                    }
                }
            }
            try loop.runForever()
            #expect(received.value == threads * each)
        }
    }

    @Test func aLoopThatDoesNotRunKeepsWhatIsSentToIt() throws {
        try withLoop { loop in
            let (isSent, received) = (Flag(), Counter())
            onForeignThread {
                // More wake-ups than fit into a pipe.
                for _ in 0..<100_000 { _ = try? loop.callSoonThreadSafe { received.increase() } }
                isSent.set()
            }
            isSent.wait()
            loop.stop()
            try loop.runForever()
            #expect(received.value == 100_000)
        }
    }

    @Test func sendingToALoopThatClosesIsAnErrorAndNeverACrash() throws {
        for _ in 0..<20 {
            try withLoop { loop in
                let isRefused = Flag()
                onForeignThread {
                    do { while true { try loop.callSoonThreadSafe {} } } catch {
                        #expect("\(error)" == "Event loop is closed")
                    }
                    isRefused.set()
                }
                loop.stop()
                try loop.runForever()
                try loop.close()
                isRefused.wait()
            }
        }
    }

    // MARK: Handles

    @Test func aHandleCancelledByAnotherThreadBeforehandDoesNotRun() throws {
        try withLoop { loop in
            let handle = try loop.callSoonThreadSafe { Issue.record("cancelled") }
            let isDone = Flag()
            onForeignThread {
                handle.cancel()
                isDone.set()
            }
            isDone.wait()
            loop.stop()
            try loop.runForever()
            #expect(handle.isCancelled)
        }
    }

    @Test func cancellingWaitsForACallbackThatRuns() throws {
        try withLoop { loop in
            let (hasBegun, hasEnded, hadEnded) = (Flag(), Flag(), Flag())
            let handle = try loop.callSoonThreadSafe {
                hasBegun.set()
                block(.milliseconds(30))
                hasEnded.set()
            }
            onForeignThread {
                hasBegun.wait()
                handle.cancel()
                if hasEnded.isSet { hadEnded.set() }
                _ = try? loop.callSoonThreadSafe { loop.stop() }
            }
            try loop.runForever()
            #expect(hadEnded.isSet)
        }
    }

    @Test func onTheLoopsThreadCancellingDoesNotWaitForItself() throws {
        try withLoop { loop in
            let slot = Slot()
            slot.handle = try loop.callSoonThreadSafe { onLoop { slot.handle?.cancel() } }
            loop.stop()
            try loop.runForever()
            #expect(slot.handle?.isCancelled == true)
        }
    }

    private final class Slot { var handle: ThreadSafeHandle? }
}
