// # Virtual time
//
// A loop in virtual time has its own clock. When nothing is ready, the clock jumps to the next timer. The clock begins
// at the machine's time, because other threads compare deadlines from this loop with the machine's clock. Only the
// differences between times matter, and these are exact.
//
// While the loop runs, all code on its thread that reads a clock gets the loop's time. The thread has a variable for
// this time (`ThreadState.virtualTime`), and AsyncIOTesting replaces the functions that read clocks.
//
// ## Other threads
//
// Other threads run in real time. If a task waits for another thread, a jump could make a time limit of an hour expire
// even though the thread would have answered within a millisecond. Therefore, before the clock jumps, the loop waits
// for other threads, in real time:
//
//   - for up to `workLimit`, if the loop itself has passed work to a thread (`toThread`, a file, a name lookup),
//     because an answer will come;
//   - for the *grace*, if a task waits for something outside this library (a continuation, a stream, another actor).
//     Usually, no thread is involved, because the task waits for a sleeping task of the same loop. However, the loop
//     cannot know this. After the grace, the loop therefore *gives up on* the wait, until the task has run again. Each
//     grace that ends without an answer halves the next grace, until an answer comes. A test therefore spends at most
//     about twice the grace on answers that never come;
//   - for the grace, if a task waits for a mailbox or a signal, until several graces have ended without an answer.
//
// If there is no timer to jump to, the only alternative to waiting is to report a deadlock. In this case, the loop
// waits longer.
//
// Other threads can also follow the loop (FollowingThreads.swift). In this case, the timers of these threads are
// deadlines of the loop, and the clock jumps only when all threads wait in the kernel. At that point, nothing more can
// happen within the process until time passes. The grace is needed only for answers from other processes.

/// The state of a loop in virtual time, apart from the time itself.
struct VirtualTime {
    /// The time at which the loop was created, on the loop's clock.
    var start: Int64 = 0
    /// The offset from the loop's time to the date, in nanoseconds since 1970.
    var epoch: Int64 = 0
    /// The time beyond which the clock cannot advance; nil for no limit.
    var limit: Int64?
    /// Whether the program steps the clock manually, by moving the limit.
    var isSteppedByHand = false

    /// The other threads of the process, if they follow this loop.
    var threads: (any FollowingThreads)?
    /// The time at which one of these threads started to run, on the machine's clock.
    var busySince: Int64?

    /// The hosts of a simulation, or nil outside a simulation.
    var hosts: (any SimulatedHosts)?
    /// Whether the loop asks the hosts before each step of a task.
    var asksHosts = false
    /// The steps that are waiting until their hosts are resumed.
    var held: [(entry: ReadyEntry, task: AnyAsyncTask)] = []

    /// The loops that run on the thread of this one; see GuestLoop.
    var guests: [EventLoop] = []

    /// Returns the callback, bound to the host of the running code.
    func bound(_ callback: @escaping () throws -> Void) -> () throws -> Void { hosts?.bound(callback) ?? callback }

    /// Returns the callback of a timer, bound to the host of the running code.
    func boundTimer(_ callback: @escaping () throws -> Void) -> () throws -> Void {
        hosts?.boundTimer(callback) ?? callback
    }

    /// The maximum time for which the loop waits for an answer from another thread, in nanoseconds.
    var grace: Int64 = 100_000_000
    /// The maximum time for which the loop waits for work that it has passed to a thread, in nanoseconds.
    private static let workLimit: Int64 = 60_000_000_000
    /// The number of consecutive waits in which the loop has not received an answer.
    var timesInVain = 0 { didSet { onTimesInVain?(timesInVain) } }
    /// Called when ``timesInVain`` has changed.
    var onTimesInVain: ((Int) -> Void)?
    /// The time at which the loop began to wait for other threads, on the machine's clock.
    private var waitingSince: Int64?
    /// The tasks for which the loop no longer waits, by the addresses of their carriers.
    var givenUp: Set<UInt> = []
    /// Whether the loop no longer waits for work on threads.
    private var hasGivenUpWork = false
    /// Whether the loop no longer waits for mailboxes and signals.
    private var hasGivenUpOthers = false
    /// The maximum number of consecutive waits in vain for mailboxes and signals. After that number, the default grace
    /// has become shorter than a millisecond.
    private static let mostWaitsForOthers = 7

    /// The real time for which the loop waits before it reports a deadlock, in nanoseconds.
    var lastGrace: Int64 { grace * 20 }

    /// Records that another thread has answered.
    mutating func noteAnswer() {
        // If the answer came before the threads were idle, the loop did not need the grace.
        if threads == nil || waitingSince != nil { timesInVain = 0 }
        hasGivenUpWork = false
        hasGivenUpOthers = false
    }

    /// Records that the loop runs a step, so that the next wait for other threads counts as a new wait. If the step
    /// belongs to a task that the loop has given up on, the loop will wait for that task again.
    mutating func noteStep(_ entry: ReadyEntry) {
        waitingSince = nil
        guard !givenUp.isEmpty, case .job(let job) = entry else { return }
        // SAFETY: a job is a pointer, which is only compared. A Swift task is its own job.
        givenUp.remove(unsafe unsafeBitCast(job, to: UInt.self))
    }

    /// The events that the loop can wait for in real time.
    struct Expectation {
        /// Whether threads are doing work for the loop, or the program can continue only when a descriptor becomes
        /// ready.
        var work: Bool
        /// Whether a task waits for a mailbox or a signal.
        var others: Bool
        /// The carriers of tasks that are waiting for something outside this library.
        var foreignWaits: [Carrier]
        /// Whether nothing else can happen.
        var isLast: Bool
    }

    /// Returns the time to wait for other threads, in nanoseconds, or nil if the loop should continue without them.
    mutating func patience(for expected: Expectation, now: Int64) -> Int64? {
        var limit: Int64?
        if expected.work, !hasGivenUpWork {
            // If other threads follow the loop, all of them now wait in the kernel, perhaps for time to pass.
            limit = threads == nil ? Self.workLimit : grace >> min(timesInVain, 62)
        } else if expected.foreignWaits.contains(where: { !givenUp.contains($0.bits) })
            || (expected.others && !hasGivenUpOthers)
        {
            limit = expected.isLast ? lastGrace : grace >> min(timesInVain, 62)
        }
        guard let limit, limit > 0 else {
            waitingSince = nil
            return nil
        }
        let since = waitingSince ?? now
        waitingSince = since
        let left = since + limit - now
        if left > 0 { return threads == nil ? left : min(left, Self.pauseOfLooks * 10) }
        // The wait ended without an answer.
        waitingSince = nil
        timesInVain += 1
        if expected.work { hasGivenUpWork = true }
        if expected.others { hasGivenUpOthers = expected.isLast || timesInVain > Self.mostWaitsForOthers }
        for carrier in expected.foreignWaits { givenUp.insert(carrier.bits) }
        return nil
    }
}
