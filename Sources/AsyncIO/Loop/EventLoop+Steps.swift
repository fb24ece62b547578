internal import AsyncIOSystem
internal import Logging

// A step is what the loop runs between two accesses to its queue: a task from one suspension to the next, or
// a callback. Before each step, the loop announces it to its pulse, which the watchdog reads, and learns
// whether anything wants more information. Usually nothing does.

extension EventLoop {
    /// The reasons for timing steps.
    struct StepReasons: OptionSet {
        let rawValue: UInt8
        static let debug = StepReasons(rawValue: 1)
        static let metrics = StepReasons(rawValue: 2)
        static let inspection = StepReasons(rawValue: 4)
    }

    /// Starts timing every step, or stops if there is no other reason for it.
    func timeSteps(_ isWanted: Bool, for reason: StepReasons) {
        if isWanted { stepTimes.reasons.insert(reason) } else { stepTimes.reasons.remove(reason) }
        if stepTimes.reasons.isEmpty { pulse.lower(.timed) } else { pulse.raise(.timed) }
    }

    /// Runs a step while it is being observed.
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

    /// Returns `callback` bound to the context of the code that schedules it now. In debug mode, it also
    /// records that code.
    func attributed(_ callback: @escaping () throws -> Void) -> () throws -> Void {
        let callback = CallerContext.bind(callback)
        guard debug else { return callback }
        let origin = CodeAddresses()
        return { [unowned self] in
            stepTimes.origin = origin
            try callback()
        }
    }

    /// Called when the current step turns out to belong to this task.
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
            case .wake, .job: subject = "code outside of any asyncio task"
            }
        }
        let time = Self.seconds(duration)
        let logger = Self.logger(loop: self, task: stepTimes.task?.name)
        let log = { @Sendable (location: String?) in
            let made = location.map { ", created at \($0)," } ?? ""
            logger.warning(
                "Executing \(subject)\(made) took \(time) seconds", metadata: location.map { ["created": "\($0)"] })
        }
        if stepTimes.task == nil, let origin = stepTimes.origin {
            LateReports.add(of: origin) { log($0.first?.location) }
        } else {
            log(stepTimes.task?.site?.description)
        }
    }

    /// Formats with three decimal places, as asyncio does.
    private static func seconds(_ nanoseconds: Int64) -> String {
        let milliseconds = nanoseconds / 1_000_000
        return "\(milliseconds / 1000).\(String(String(milliseconds % 1000 + 1000).dropFirst()))"
    }
}

/// The times of steps, while they are measured. Loop thread only.
struct StepTimes {
    var reasons: EventLoop.StepReasons = []
    /// The task of the current step, if there is one.
    var task: AnyAsyncTask?
    /// The code that scheduled the running callback, in debug mode.
    var origin: CodeAddresses?

    /// The times of the steps of one task.
    struct Figures {
        var steps = 0
        var total: Int64 = 0
        var longest: Int64 = 0
    }
    /// By the number of the task.
    private(set) var figures: [UInt64: Figures] = [:]
    /// All steps, of tasks and others.
    private(set) var all = Figures()

    mutating func note(_ duration: Int64) {
        all.add(duration)
        if let task, !task.isDone { figures[task.number, default: Figures()].add(duration) }
    }

    /// Removes the figures of tasks that have ended.
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
        /// Returns the longest delay since the previous call.
        @discardableResult
        mutating func takeLongestOfInterval() -> Int64 {
            defer { longestOfInterval = 0 }
            return longestOfInterval
        }
    #endif
}
