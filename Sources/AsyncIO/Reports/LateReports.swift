internal import AsyncIOSystem

// In debug mode, reports name the code that scheduled or created something. That code is recorded as addresses.
// Symbolizing the first of them takes a second or two, which must not block the loop. A thread does the work and logs
// the reports in order. Closing a loop waits for that thread.

/// Makes reports, one after another, on a separate thread. Any thread can add reports.
enum LateReports {
    private struct State {
        var waiting: [@Sendable () -> Void] = []
        var isWorking = false
        /// The threads that are waiting until no report is left.
        var closers: [ThreadGate] = []
    }

    private static let state = Guarded(State())

    /// Symbolizes the addresses, and passes the program's own functions at these addresses to `report`.
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
            // The system cannot start another thread, so report from this one.
            work()
        }
    }

    /// Waits until all reports have been made.
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
