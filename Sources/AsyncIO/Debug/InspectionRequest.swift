internal import AsyncIOSystem

/// A tool's request for the tasks of the running loops, as one line of text:
///
///     tasks                the tasks of all loops
///     stacks               the same, with their stacks
///     stacks 2 3           those of loops 2 and 3 only
///     stacks 2:17,18 3:4   those of loops 2 and 3 only, with the stacks of only these tasks
///
/// The number of a task is unique only within its loop.
struct InspectionRequest: Sendable {
    private let standard: LoopSnapshot.Stacks
    /// The stacks to record for each loop, by the loop's number; nil if the request is the same for all loops.
    private var chosen: [UInt32: LoopSnapshot.Stacks]?

    static let everything = InspectionRequest(standard: .all)

    private init(standard: LoopSnapshot.Stacks) { self.standard = standard }

    /// Parses a request. Returns nil if the text is not a request.
    init?(_ text: String) {
        let words = text.split(separator: " ")
        switch words.first {
        case "tasks": self.init(standard: .none)
        case "stacks": self.init(standard: .all)
        default: return nil
        }
        guard words.count > 1 else { return }
        var chosen: [UInt32: LoopSnapshot.Stacks] = [:]
        for word in words.dropFirst() {
            let parts = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let loop = parts.first.flatMap({ UInt32($0) }) else { return nil }
            let tasks = parts.dropFirst().first.map { $0.split(separator: ",").compactMap { UInt64($0) } }
            chosen[loop] = tasks.map { .of(Set($0)) } ?? standard
        }
        self.chosen = chosen
    }

    /// Returns the stacks to record for the loop, or nil if the loop is not part of the request.
    func stacks(of loop: EventLoop) -> LoopSnapshot.Stacks? {
        if let chosen { chosen[loop.index] } else { standard }
    }
}

/// The result for one loop.
struct LoopFinding: Sendable {
    let loop: EventLoop
    let result: Result

    enum Result: Sendable {
        case snapshot(LoopSnapshot)
        case blocked(BlockedLoopReport)
        case nothing(String)
    }
}

extension InspectionRequest {
    /// The time in nanoseconds after which a loop counts as blocked if it has neither answered nor made progress.
    private static let patience: Int64 = 300_000_000
    /// The maximum total time to wait, in multiples of `patience`.
    private static let longestPatience = 20

    /// Sends the request to the running loops, and waits for their answers. Do not call this method on the thread of a
    /// loop.
    ///
    /// All loops receive the request before this method waits for the first answer. The loops therefore answer at the
    /// same time, and a blocked loop does not delay the other answers.
    func ask() -> [LoopFinding] {
        let wanted = Watchdog.shared.glances().compactMap { glance in stacks(of: glance.loop).map { (glance, $0) } }
        let limit = LoopSnapshot.limit / max(1, wanted.count)
        var questions = wanted.map { LoopQuestion(to: $0, stacks: $1, limit: limit) }
        for _ in 0..<Self.longestPatience {
            let deadline = SystemClock.now() + Self.patience
            for index in questions.indices { questions[index].waitForAnswer(until: deadline) }
            for index in questions.indices { questions[index].lookWhyNot() }
            if !questions.contains(where: \.isOpen) { break }
        }
        return questions.compactMap { $0.finding() }
    }
}
