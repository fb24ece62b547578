internal import AsyncIOSystem
internal import Logging

/// A component that measures the durations of steps for debug mode and for inspection tools. Debug mode reports slow
/// steps. This class is used only on the loop's thread.
final class StepTimer: LoopComponent, LoopObserver {
    /// The reasons for timing steps.
    struct Reasons: OptionSet {
        let rawValue: UInt8
        static let debug = Reasons(rawValue: 1)
        static let inspection = Reasons(rawValue: 2)
    }

    /// The times of the steps of one task.
    struct Figures {
        var steps = 0
        var total: Int64 = 0
        var longest: Int64 = 0

        fileprivate mutating func add(_ duration: Int64) {
            steps += 1
            total += duration
            longest = max(longest, duration)
        }
    }

    private var reasons: Reasons = []
    private var start: Int64 = 0
    /// The figures of each task, by its number.
    private(set) var figures: [UInt64: Figures] = [:]
    /// The figures of all steps, including those that belong to no task.
    private(set) var all = Figures()

    required init(on loop: EventLoop) {
        super.init(on: loop)
        debugModeChanged()
    }

    override func debugModeChanged() { time(loop.debug, for: .debug) }

    /// Starts timing every step, or stops timing if no other reason for timing is left.
    func time(_ isWanted: Bool, for reason: Reasons) {
        let wasOn = !reasons.isEmpty
        if isWanted { reasons.insert(reason) } else { reasons.remove(reason) }
        guard wasOn != !reasons.isEmpty else { return }
        if wasOn { loop.removeObserver(self) } else { loop.addObserver(self) }
    }

    /// Removes the figures of tasks that have ended.
    func keepOnly(_ numbers: Set<UInt64>) { figures = figures.filter { numbers.contains($0.key) } }

    // MARK: Observing

    func stepBegan(_ step: LoopStep, on loop: EventLoop) { start = SystemClock.now() }

    func stepEnded(_ step: LoopStep, on loop: EventLoop) {
        let duration = SystemClock.now() - start
        all.add(duration)
        if let task = step.task, !task.isDone { figures[task.number, default: Figures()].add(duration) }
        if loop.debug, duration >= loop.slowCallbackDuration.roundedUpNanoseconds { report(step, duration) }
    }

    // MARK: Slow steps

    private func report(_ step: LoopStep, _ duration: Int64) {
        let subject =
            switch step.kind {
            case .task: step.task?.description ?? "a task"
            case .doneCallback: "a done callback of \(step.future?.description ?? "a future")"
            case .callback: "a callback"
            default: "code outside of any asyncio task"
            }
        let time = Self.seconds(duration)
        let logger = EventLoop.logger(loop: loop, task: step.task?.name)
        let log = { @Sendable (location: String?) in
            let made = location.map { ", created at \($0)," } ?? ""
            logger.warning(
                "Executing \(subject)\(made) took \(time) seconds", metadata: location.map { ["created": "\($0)"] })
        }
        if step.task == nil, let origin = loop.origin {
            LateReports.add(of: origin) { log($0.first?.location) }
        } else {
            log(step.task?.site?.description)
        }
    }

    /// Formats a time in seconds with three decimal places, as asyncio does.
    private static func seconds(_ nanoseconds: Int64) -> String {
        let milliseconds = nanoseconds / 1_000_000
        return "\(milliseconds / 1000).\(String(String(milliseconds % 1000 + 1000).dropFirst()))"
    }
}
