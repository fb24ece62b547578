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

    /// `callback`, in the context of who schedules it now; in debug mode it tells who that is.
    func attributed(_ callback: @escaping () throws -> Void) -> () throws -> Void {
        let callback = CallerContext.bind(callback)
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
        if let task = stepTimes.task {
            subject = task.description
        } else {
            switch entry {
            case .done(let future, _): subject = "a done callback of \(future.description)"
            case .handle, .threadSafe, .descriptor, .sleep: subject = "a callback"
            case .wake, .job: subject = "code that is no task of asyncio's"
            }
        }
        let time = Self.seconds(duration)
        let logger = Self.logger(loop: self, task: stepTimes.task?.name)
        let log = { @Sendable (location: String?) in
            let made = location.map { ", made at \($0)," } ?? ""
            logger.warning(
                "Executing \(subject)\(made) took \(time) seconds", metadata: location.map { ["created": "\($0)"] })
        }
        if stepTimes.task == nil, let origin = stepTimes.origin {
            LateReports.add(of: origin) { log($0.first?.location) }
        } else {
            log(stepTimes.task?.site?.description)
        }
    }

    /// With three places, as asyncio has it.
    private static func seconds(_ nanoseconds: Int64) -> String {
        let milliseconds = nanoseconds / 1_000_000
        return "\(milliseconds / 1000).\(String(String(milliseconds % 1000 + 1000).dropFirst()))"
    }
}

/// What is known of steps while they are timed. Loop thread only.
struct StepTimes {
    var reasons: EventLoop.StepReasons = []
    /// Whose step it is, if it is a task's.
    var task: AnyAsyncTask?
    /// In debug mode: who scheduled the callback that runs.
    var origin: CodeAddresses?

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
    #if Metrics
        private var longestOfInterval: Int64 = 0
    #endif

    @inline(__always)
    mutating func note(_ lateness: Int64) {
        latest = lateness
        if lateness > longest { longest = lateness }
        #if Metrics
            if lateness > longestOfInterval { longestOfInterval = lateness }
        #endif
    }

    #if Metrics
        /// The longest since it was last taken.
        @discardableResult
        mutating func takeLongestOfInterval() -> Int64 {
            defer { longestOfInterval = 0 }
            return longestOfInterval
        }
    #endif
}
