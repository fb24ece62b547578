internal import AsyncIOSystem

// # Yielding during I/O
//
// A read whose bytes are available does not suspend. Neither does a write that the system accepts at once. A task that
// reads in a loop would therefore continue for as long as its peer sends data. No other connection, timer, time limit,
// or signal would be handled in the meantime.
//
// Each step of the loop therefore has a budget. It counts the bytes that a task reads and writes without suspending.
// Each operation also counts as some extra bytes, because a thousand empty lines are work as well. A task that has
// spent its budget yields at its next read, or at the end of its write, for one turn, as `sleep(.zero)` does. A read
// yields before it takes any bytes, so a task that is cancelled at this point loses no bytes.
//
// A turn also has a budget, which its steps share. A turn with many fast peers is therefore not much longer than a turn
// with one. Each step always has a minimum budget of its own. An ordinary request, which reads a little, answers and
// waits, stays far below this minimum, and is not delayed by the others.
//
// No work is done when a step begins. The budget records the step in which it was last used, and the first read in
// another step detects the difference. The count depends only on bytes and calls, not on the clock, so that virtual
// time and seeded schedules are reproducible.
//
// As in asyncio, queues and locks do not yield. The items that they pass on come from the program itself.

/// The number of bytes that the current step of a loop can still read and write without suspending. Use this type only
/// on the loop's thread.
struct IOBudget {
    /// The budget that the steps of one turn share, in bytes.
    static let perTurn = 512 * 1024
    /// The minimum budget of each step, in bytes.
    static let leastPerStep = 64 * 1024
    /// The cost of each operation in bytes, in addition to the bytes that the operation transfers.
    static let perOperation = 1024

    /// The step and the turn to which the budget applies.
    private var step = UInt64.max
    private var turn = UInt64.max
    private var granted = 0
    private var left = 0
    private var leftOfTurn = 0

    /// Returns whether the budget of `step` is spent. The argument is evaluated only if its value is needed.
    @inline(__always)
    func isSpent(in step: @autoclosure () -> UInt64) -> Bool { left <= 0 && self.step == step() }

    /// Whether the budget is spent. The value is valid only immediately after a call to `spend`.
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
    /// Whether the current step has spent its budget. If so, call `giveWay()` before the next operation.
    @inline(__always)
    var isBudgetSpent: Bool { budget.isSpent(in: pulse.steps) }

    /// Charges the current step for bytes that were read or written without suspending.
    @inline(__always)
    func spend(_ count: Int) { budget.spend(count, in: pulse.steps, of: turns) }

    // The same for the loop of this thread.

    @inline(__always)
    static var isBudgetSpent: Bool { withRequired(for: "await") { $0.isBudgetSpent } }

    /// Charges the current step, and returns whether its budget is spent.
    @inline(__always) @discardableResult
    static func spend(_ count: Int) -> Bool {
        withRequired(for: "await") { loop in
            loop.spend(count)
            return loop.budget.isSpent
        }
    }
}

/// Lets other tasks run for one turn of the loop. Call this function when the budget of the current step is spent.
///
/// - Throws: `CancellationError` if the task is cancelled.
@inline(never)
func giveWay() async throws { try await yieldToLoop() }
