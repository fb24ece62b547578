internal import Synchronization

// # Threads and tasks that follow a loop
//
// Threads that run no loop follow a loop in virtual time if a test asks for it: AsyncIOTesting then gives them the time
// of the loop. A thread that runs another loop keeps the time of that loop.
//
// If the loop has its own thread, there is a second case. Code without isolation, such as `Task.sleep`, leaves that
// thread, and runs on the loop of the process. A task-local value says that the task belongs to the loop that is
// followed. Where such code runs, clocks show the time of that loop, and its sleeps are timers of that loop.

/// The other threads of the process, if they follow the time of a loop in virtual time. Loop thread only.
package protocol FollowingThreads: AnyObject {
    /// The time at which the next timer of a thread is due, or nil if no timer is set.
    var nextDeadline: Int64? { get }
    /// Returns whether all threads wait in the kernel, and have waited since the previous call.
    func areIdle() -> Bool
    /// Sets the time of the threads and the offset of their date, and resumes those whose timers are due. Returns
    /// whether a timer was due.
    func follow(_ time: Int64, epoch: Int64) -> Bool
}

extension EventLoop {
    /// Makes other threads follow this loop, which must be in virtual time; nil for none.
    package func setFollowingThreads(_ threads: (any FollowingThreads)?) { virtual.threads = threads }

    /// Whether other threads follow this loop.
    package var isFollowed: Bool { virtual.threads != nil }

    /// The executor of the loop on its own thread that the current task follows.
    @TaskLocal private static var followed: LoopThreadExecutor?
    /// Whether a task may follow a loop. This is false outside of tests, and saves `Task.sleep` a look at its values.
    private static let canFollow = Atomic(false)

    /// Calls `body`, whose task, and the tasks that it creates, follow this loop on all threads.
    package func followedByTask<T>(_ body: () async throws -> T) async rethrows -> T {
        Self.canFollow.store(true, ordering: .relaxed)
        return try await Self.$followed.withValue(home?.object) { try await body() }
    }

    /// The loop on its own thread that the current task follows.
    static var followedByTask: EventLoop? { canFollow.load(ordering: .relaxed) ? followed?.loop : nil }

    package static var isOneFollowedByTask: Bool { followedByTask != nil }

    /// The offset from virtual time to the date, in nanoseconds since 1970.
    package var virtualEpoch: Int64 { virtual.epoch }
}

extension VirtualTime {
    /// How long the loop sleeps before it looks at threads that run again, in nanoseconds. While they are idle, it looks
    /// less often.
    static let pauseOfLooks: Int64 = 200_000

    /// How long to wait until the threads that follow the loop have finished what they are doing; nil if they have, or
    /// if they do not.
    mutating func patienceForThreads(now: Int64) -> Int64? {
        guard let threads else { return nil }
        if threads.areIdle() {
            busySince = nil
            return nil
        }
        let since = busySince ?? now
        busySince = since
        // A thread that never waits holds up the loop only once.
        return now - since < lastGrace ? Self.pauseOfLooks : nil
    }

    /// Timers of other threads have fired. Their threads may answer what the loop has given up on.
    mutating func noteTimersFired() { givenUp = [] }
}
