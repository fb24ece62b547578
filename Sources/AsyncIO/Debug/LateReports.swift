internal import AsyncIOSystem

// In debug mode reports tell who scheduled or made something, which is known as addresses. To
// put words to the first of them takes a second or two, for which the loop is not held up: a
// thread does it and logs, in the order of the reports. A loop that is closed waits for it.

/// Reports that are made on a thread of their own, one after the other. Any thread.
enum LateReports {
    private struct State {
        var waiting: [@Sendable () -> Void] = []
        var isWorking = false
        /// Those who wait for there to be none.
        var closers: [ThreadGate] = []
    }

    private static let state = Guarded(State())

    /// Calls `report` with what the addresses are in words: the program's own functions.
    static func add(of maker: CodeAddresses, _ report: @escaping @Sendable ([CallGraphFrame]) -> Void) {
        let mustStart = state.withLock { state in
            state.waiting.append { report(CallGraphFrame.ofMaker(maker)) }
            defer { state.isWorking = true }
            return !state.isWorking
        }
        guard mustStart else { return }
        do {
            try Thread.start(named: "asyncio-report", work)
        } catch {
            // The system has no thread to give: late rather than never.
            work()
        }
    }

    /// Waits until all are made.
    static func finish() {
        let gate = ThreadGate()
        let mustWait = state.withLock { state in
            if state.isWorking { state.closers.append(gate) }
            return state.isWorking
        }
        if mustWait { gate.wait() }
    }

    @Sendable private static func work() {
        while let report = next() { report() }
    }

    private static func next() -> (@Sendable () -> Void)? {
        state.withLock { state in
            if !state.waiting.isEmpty { return state.waiting.removeFirst() }
            state.isWorking = false
            for closer in state.closers { closer.open() }
            state.closers = []
            return nil
        }
    }
}
