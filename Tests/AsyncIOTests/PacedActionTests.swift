import AsyncIO
import AsyncIOTesting
import Testing

/// What a `Debouncer` and a `Throttle` guarantee in every schedule.
@Suite struct PacedActionTests {
    enum Kind: CaseIterable {
        case debouncer, throttle

        /// How long the debouncer waits after a call, or the throttle after a start.
        var pause: Duration { self == .debouncer ? .milliseconds(5) : .milliseconds(10) }

        func pacing(_ action: @escaping () async throws -> Void) -> Paced {
            switch self {
            case .debouncer:
                let debouncer = Debouncer(delay: pause, action)
                return Paced(
                    call: { debouncer.call() }, flush: { try await debouncer.flush() },
                    isPending: { debouncer.isPending })
            case .throttle:
                let throttle = Throttle(interval: pause, action)
                return Paced(
                    call: { throttle.call() }, flush: { try await throttle.flush() },
                    isPending: { throttle.isPending })
            }
        }
    }

    struct Paced {
        let call: () -> Void
        let flush: () async throws -> Void
        let isPending: () -> Bool
    }

    /// Six tasks call at random times. Each action takes a random time.
    @Test(.seeds(100), arguments: Kind.allCases) func noScheduleStartsAnActionTooEarlyOrLosesACall(
        kind: Kind
    ) async throws {
        let start = try EventLoop.running.now
        func now() throws -> Duration { try EventLoop.running.now - start }
        var (calls, covered, running) = (0, 0, 0)
        var starts: [Duration] = []
        var callTimes: [Duration] = []
        let paced = kind.pacing {
            #expect(running == 0)
            running += 1
            defer { running -= 1 }
            let time = try now()
            switch kind {
            case .debouncer:
                // A call in the turn in which the action was started is for the next one.
                #expect(callTimes.allSatisfy { $0 == time || $0 + kind.pause <= time })
            case .throttle:
                if let last = starts.last { #expect(time >= last + kind.pause) }
            }
            starts.append(time)
            covered = calls
            for _ in 0..<Int.random(in: 0...2) { try await sleep(.milliseconds(Int.random(in: 0...8))) }
            if Int.random(in: 0...3) == 0 { throw CancellationError() }
        }
        try await gather(0..<6) { _ in
            for _ in 0..<4 {
                try await sleep(.milliseconds(Int.random(in: 0...12)))
                calls += 1
                callTimes.append(try now())
                paced.call()
            }
        }
        let end = try now()
        try await sleep(.seconds(1))
        // The last call is not lost, and nothing runs without a call.
        #expect(covered == calls && !paced.isPending() && running == 0)
        // A throttle also runs at the first call.
        #expect(starts.count <= Int(end / kind.pause) + (kind == .debouncer ? 1 : 2))
        let count = starts.count
        try await sleep(.seconds(1))
        #expect(starts.count == count)
    }

    @Test(.seeds(100), arguments: Kind.allCases) func everyScheduleFlushesWhatWasRequested(kind: Kind) async throws {
        var (calls, covered, finished) = (0, 0, 0)
        let paced = kind.pacing {
            let including = calls
            covered = calls
            for _ in 0..<Int.random(in: 0...2) { try await sleep(.milliseconds(Int.random(in: 0...8))) }
            finished = including
        }
        let tasks = (0..<6).map { _ in
            createTask {
                for _ in 0..<4 {
                    try await sleep(.milliseconds(Int.random(in: 0...12)))
                    calls += 1
                    let mine = calls
                    paced.call()
                    try await paced.flush()
                    #expect(finished >= mine)
                }
            }
        }
        for task in tasks.prefix(3) {
            try await sleep(.milliseconds(Int.random(in: 0...12)))
            task.cancel()
        }
        for (number, result) in try await gatherResults(tasks).enumerated() where number >= 3 { try result.get() }
        try await sleep(.seconds(1))
        // The cancelled tasks have left their requests.
        #expect(covered == calls && finished == calls && !paced.isPending())
    }
}
