// # Virtual time
//
// A loop in virtual time has a clock of its own. When nothing is ready, the clock jumps to the next timer. It begins at
// the machine's time, because code on other threads compares deadlines that were computed here with the machine's
// clock. Only the differences between times matter, and these are exact.
//
// While the loop runs, everything on its thread that reads a clock gets the loop's time: the thread has a
// variable for it (`ThreadState.virtualTime`), and AsyncIOTesting replaces the functions that read clocks.
//
// ## Other threads
//
// Other threads are in real time. If a task waits for one of them, a jump could exceed a limit of an hour, although the
// thread would have answered within a millisecond. So before it jumps, the loop waits for other threads, in real time:
//
//   - for work that it has handed to a thread itself (`toThread`, a file, a name lookup), because an answer
//     will come, up to `workLimit`;
//   - if a task waits for something that does not belong to this library (a continuation, a stream, another actor), for
//     the *grace*. Usually no thread is involved: the task waits for another task of the loop, which sleeps. But the
//     loop cannot know that. After the grace, the loop therefore *gives up on* the wait, until the task has run again.
//     Each grace that ends without an answer halves the next one, until an answer comes. A test therefore spends at
//     most about twice the grace on answers that never come.
//
// If there is no timer to jump to, the only alternative to waiting is to report a deadlock. In this case, the loop
// waits longer.
//
// Other threads can also follow the loop (FollowingThreads.swift). Then their timers are deadlines of the loop, and it
// jumps only when all threads wait in the kernel. What happens within the process has then happened. The grace is for
// other processes.

/// The state of a loop in virtual time, apart from the time itself.
struct VirtualTime {
    /// The loop's time when it was created.
    var start: Int64 = 0
    /// The offset from the loop's time to the date, in nanoseconds since 1970.
    var epoch: Int64 = 0
    /// The time beyond which the clock cannot advance; nil for no limit.
    var limit: Int64?
    /// Whether the program steps the clock manually, by moving the limit.
    var isSteppedByHand = false

    /// The other threads of the process, if they follow this loop.
    var threads: (any FollowingThreads)?
    /// The time since which one of them runs, on the machine's clock.
    var busySince: Int64?

    /// The hosts of a simulation, if there is one.
    var hosts: (any SimulatedHosts)?
    /// Whether the hosts are asked before each step of a task.
    var asksHosts = false
    /// The steps that wait until their host is resumed.
    var held: [(entry: ReadyEntry, task: AnyAsyncTask)] = []

    /// Binds a callback to the host of the code that is running.
    func bound(_ callback: @escaping () throws -> Void) -> () throws -> Void { hosts?.bound(callback) ?? callback }

    /// Binds the callback of a timer to the host of the code that is running.
    func boundTimer(_ callback: @escaping () throws -> Void) -> () throws -> Void {
        hosts?.boundTimer(callback) ?? callback
    }

    /// How long the loop waits for an answer from another thread, in nanoseconds.
    var grace: Int64 = 100_000_000
    /// How long the loop waits for work that it has passed to a thread, in nanoseconds.
    private static let workLimit: Int64 = 60_000_000_000
    /// The number of times in a row that the loop has waited without receiving an answer.
    private var timesInVain = 0
    /// The time at which the loop began to wait for other threads, on the machine's clock.
    private var waitingSince: Int64?
    /// The tasks for which the loop no longer waits, by the addresses of their carriers.
    var givenUp: Set<UInt> = []
    /// Whether the loop no longer waits for work on threads.
    private var hasGivenUpWork = false

    /// How long the loop waits before it reports a deadlock, in nanoseconds.
    var lastGrace: Int64 { grace * 20 }

    /// An answer has come from another thread.
    mutating func noteAnswer() {
        // An answer that came before the threads were idle did not need the grace.
        if threads == nil || waitingSince != nil { timesInVain = 0 }
        hasGivenUpWork = false
    }

    /// Something runs, so the next wait for other threads is a new one. If it is a task that the loop has given up on,
    /// the loop waits for the task's next wait as well.
    mutating func noteStep(_ entry: ReadyEntry) {
        waitingSince = nil
        guard !givenUp.isEmpty, case .job(let job) = entry else { return }
        // SAFETY: a job is a pointer, which is only compared. A Swift task is its own job.
        givenUp.remove(unsafe unsafeBitCast(job, to: UInt.self))
    }

    /// The things that the loop can wait for in real time.
    struct Expectation {
        /// Whether threads are doing work for the loop, or nothing but a descriptor that becomes ready can make the
        /// program continue.
        var work: Bool
        /// The carriers of tasks that wait for something that does not belong to this library.
        var foreignWaits: [Carrier]
        /// Whether nothing else can happen.
        var isLast: Bool
    }

    /// Returns how long to wait for other threads, in nanoseconds, or nil if it is time to continue without them.
    mutating func patience(for expected: Expectation, now: Int64) -> Int64? {
        var limit: Int64?
        if expected.work, !hasGivenUpWork {
            // The work may be what sleeps.
            limit = threads?.isOneAsleep == true ? grace : Self.workLimit
        } else if expected.foreignWaits.contains(where: { !givenUp.contains($0.bits) }) {
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
        for carrier in expected.foreignWaits { givenUp.insert(carrier.bits) }
        return nil
    }
}
