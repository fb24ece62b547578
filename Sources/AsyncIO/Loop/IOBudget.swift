internal import AsyncIOSystem

// # Giving way
//
// A read that finds its bytes does not suspend, nor does a write that the system takes at once. So
// a task that reads in a loop would go on for as long as its peer sends, and meanwhile nothing else
// would run: no other connection, no timer, no time limit, no signal.
//
// Each step of the loop therefore has a budget. What a task reads and writes without suspending is
// counted in bytes, and each operation counts for some bytes more, since a thousand empty lines are
// work too. A task that has spent its budget gives way at its next read, or at the end of its write:
// for one turn, as `sleep(.zero)` does. A read gives way before it takes any bytes, so that a task that
// is cancelled there has lost none.
//
// A turn has a budget too, which its steps share: so the turn is not much longer with many fast
// peers than with one. Each step has a part of its own in any case. An ordinary request, which reads
// a little, answers and waits, never gets near to that, and is not delayed by the others.
//
// Nothing is done when a step begins. The budget knows which step it was last spent in; the first
// read of another one finds that out. What is counted depends on bytes and calls alone, and not on
// the clock, so that virtual time and seeded schedules repeat.
//
// Queues and locks do not give way, as in asyncio: what they hand over, the program itself has made.

/// What the present step of a loop may still read and write without suspending. Loop thread only.
struct IOBudget {
    /// What the steps of one turn have together, in bytes.
    static let perTurn = 512 * 1024
    /// What each step has in any case.
    static let leastPerStep = 64 * 1024
    /// What each operation counts, besides its bytes.
    static let perOperation = 1024

    /// The step and the turn that are counted.
    private var step = UInt64.max
    private var turn = UInt64.max
    private var granted = 0
    private var left = 0
    private var leftOfTurn = 0

    /// The step is asked for only if it matters.
    @inline(__always)
    func isSpent(in step: @autoclosure () -> UInt64) -> Bool { left <= 0 && self.step == step() }

    /// The same right after something was spent.
    @inline(__always)
    var isSpent: Bool { left <= 0 }

    @inline(__always)
    mutating func spend(_ count: Int, in step: UInt64, of turn: UInt64) {
        if self.step != step { begin(step, of: turn) }
        left &-= count &+ Self.perOperation
    }

    @inline(__always)
    private mutating func begin(_ step: UInt64, of turn: UInt64) {
        leftOfTurn = self.turn == turn ? leftOfTurn &- (granted &- left) : Self.perTurn
        granted = max(Self.leastPerStep, leftOfTurn)
        left = granted
        self.turn = turn
        self.step = step
    }
}

extension EventLoop {
    /// Whether the present step has read and written enough: then `giveWay()`, before more is taken.
    @inline(__always)
    var isBudgetSpent: Bool { budget.isSpent(in: pulse.steps) }

    /// Something was read or written without a suspension.
    @inline(__always)
    func spend(_ count: Int) { budget.spend(count, in: pulse.steps, of: turns) }

    // The same for the loop of this thread.

    @inline(__always)
    static var isBudgetSpent: Bool { withRequired(for: "await") { $0.isBudgetSpent } }

    /// Returns whether the budget is spent then.
    @inline(__always) @discardableResult
    static func spend(_ count: Int) -> Bool {
        withRequired(for: "await") { loop in
            loop.spend(count)
            return loop.budget.isSpent
        }
    }
}

/// Lets others run for one turn, since this step's budget is spent.
///
/// - Throws: `CancellationError`.
@inline(never)
nonisolated(nonsending) func giveWay() async throws { try await yieldToLoop() }
