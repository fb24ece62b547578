internal import AsyncIOSystem
internal import Logging

// A step is what the loop runs between two looks at its queue: a task from one suspension
// to the next, or a callback. Before each it tells its pulse, which the watchdog listens to,
// and learns whether somebody wants to know more. Mostly nobody does.

extension EventLoop {
    /// Who may want steps timed.
    struct StepReasons: OptionSet {
        let rawValue: UInt8
        static let debug = StepReasons(rawValue: 1)
        static let metrics = StepReasons(rawValue: 2)
        static let inspection = StepReasons(rawValue: 4)
    }

    /// Has every step timed, or not any more if nobody else wants it.
    func timeSteps(_ isWanted: Bool, for reason: StepReasons) {
        if isWanted { stepTimes.reasons.insert(reason) } else { stepTimes.reasons.remove(reason) }
        if stepTimes.reasons.isEmpty { pulse.lower(.timed) } else { pulse.raise(.timed) }
    }

    /// A step while somebody watches.
    @inline(never)
    func runWatched(_ entry: ReadyEntry) {
        Watchdog.waitWhileLooking()
        guard !stepTimes.reasons.isEmpty else { return runUnwatched(entry) }
        stepTimes.task = entry.task?.object
        stepTimes.origin = nil
        let start = SystemClock.now()
        runUnwatched(entry)
        let duration = SystemClock.now() - start
        stepTimes.note(duration)
        if debug, duration >= slowCallbackDuration.roundedUpNanoseconds { reportSlowStep(entry, duration) }
        stepTimes.task = nil
    }

    /// In debug mode: `callback`, which tells who scheduled it.
    func traced(_ callback: @escaping () throws -> Void) -> () throws -> Void {
        guard debug else { return callback }
        let origin = CodeAddresses()
        return { [unowned self] in
            stepTimes.origin = origin
            try callback()
        }
    }

    /// The present step turns out to be this task's.
    @inline(never)
    func stepIs(of task: AnyAsyncTask) {
        Watchdog.waitWhileLooking()
        if !stepTimes.reasons.isEmpty { stepTimes.task = task.visible ?? task }
    }

    private func reportSlowStep(_ entry: ReadyEntry, _ duration: Int64) {
        let subject: String
        var location = stepTimes.task?.site?.description
        if let task = stepTimes.task {
            subject = task.description
        } else {
            switch entry {
            case .done(let future, _): subject = "a done callback of \(future.description)"
            case .handle, .descriptor, .sleep: subject = "a callback"
            case .wake, .job: subject = "code that is no task of asyncio's"
            }
            location = stepTimes.originTrace.first?.location
        }
        let made = location.map { ", made at \($0)," } ?? ""
        let milliseconds = duration / 1_000_000
        let seconds = "\(milliseconds / 1000).\(String(String(milliseconds % 1000 + 1000).dropFirst()))"
        Self.logger.warning(
            "Executing \(subject)\(made) took \(seconds) seconds", metadata: location.map { ["created": "\($0)"] })
    }
}

/// What is known of steps while they are timed. Loop thread only.
struct StepTimes {
    var reasons: EventLoop.StepReasons = []
    /// Whose step it is, if it is a task's.
    var task: AnyAsyncTask?
    /// In debug mode: who scheduled the callback that runs.
    var origin: CodeAddresses?

    var originTrace: [CallGraphFrame] {
        guard let origin else { return [] }
        return CallGraphFrame.users(among: CallGraphFrame.onLoopsStack(Symbolizer.places(of: origin)))
    }

    /// What the steps of one task took.
    struct Figures {
        var steps = 0
        var total: Int64 = 0
        var longest: Int64 = 0
    }
    /// By the task's number.
    private(set) var figures: [UInt64: Figures] = [:]
    /// Of all steps, tasks' and others.
    private(set) var all = Figures()

    mutating func note(_ duration: Int64) {
        all.add(duration)
        if let task, !task.isDone { figures[task.number, default: Figures()].add(duration) }
    }

    /// Forgets tasks that have ended.
    mutating func keepOnly(_ numbers: Set<UInt64>) { figures = figures.filter { numbers.contains($0.key) } }
}

extension StepTimes.Figures {
    fileprivate mutating func add(_ duration: Int64) {
        steps += 1
        total += duration
        longest = max(longest, duration)
    }
}

/// How late timers fired, in nanoseconds.
struct Lag {
    private(set) var latest: Int64 = 0
    private(set) var longest: Int64 = 0

    @inline(__always)
    mutating func note(_ lateness: Int64) {
        latest = lateness
        if lateness > longest { longest = lateness }
    }
}
