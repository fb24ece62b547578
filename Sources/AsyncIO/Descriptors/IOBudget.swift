internal import AsyncIOSystem

// # Yielding during I/O
//
// A read that finds its bytes does not suspend, nor does a write that the system accepts at once. So a task
// that reads in a loop would continue for as long as its peer sends, and nothing else would run in the
// meantime: no other connection, no timer, no time limit, no signal.
//
// Each step of the loop therefore has a budget. What a task reads and writes without suspending is counted in
// bytes, and each operation counts for some extra bytes, since a thousand empty lines are work too. A task
// that has spent its budget yields at its next read, or at the end of its write, for one turn, as
// `sleep(.zero)` does. A read yields before it takes any bytes, so a task that is cancelled there has lost
// none.
//
// A turn has a budget too, which its steps share, so that a turn with many fast peers is not much longer than
// with one. Each step has a minimum of its own in any case. An ordinary request, which reads a little,
// answers and waits, never gets near that, and is not delayed by the others.
//
// Nothing is done when a step begins. The budget knows the step in which it was last spent, and the first
// read of another step notices the difference. The count depends only on bytes and calls, not on the clock,
// so that virtual time and seeded schedules are reproducible.
//
// Queues and locks do not yield, as in asyncio: what they hand over comes from the program itself.

/// What the current step of a loop can still read and write without suspending. Loop thread only.
struct IOBudget {
    /// The budget that the steps of one turn share, in bytes.
    static let perTurn = 512 * 1024
    /// The budget that each step has in any case, in bytes.
    static let leastPerStep = 64 * 1024
    /// What each operation counts in addition to its bytes.
    static let perOperation = 1024

    /// The step and the turn that are being counted.
    private var step = UInt64.max
    private var turn = UInt64.max
    private var granted = 0
    private var left = 0
    private var leftOfTurn = 0

    /// Whether the budget of a step is spent. The step is evaluated only if it matters.
    @inline(__always)
    func isSpent(in step: @autoclosure () -> UInt64) -> Bool { left <= 0 && self.step == step() }

    /// The same, right after something was spent.
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
    /// Whether the current step has read and written enough; then call `giveWay()` before the next operation.
    @inline(__always)
    var isBudgetSpent: Bool { budget.isSpent(in: pulse.steps) }

    /// Counts what was read or written without a suspension.
    @inline(__always)
    func spend(_ count: Int) { budget.spend(count, in: pulse.steps, of: turns) }

    // The same for the loop of this thread.

    @inline(__always)
    static var isBudgetSpent: Bool { withRequired(for: "await") { $0.isBudgetSpent } }

    /// Returns whether the budget is now spent.
    @inline(__always) @discardableResult
    static func spend(_ count: Int) -> Bool {
        withRequired(for: "await") { loop in
            loop.spend(count)
            return loop.budget.isSpent
        }
    }
}

/// Lets others run for one turn, because this step's budget is spent.
///
/// - Throws: `CancellationError`.
@inline(never)
func giveWay() async throws { try await yieldToLoop() }
