internal import Synchronization

// # Threads and tasks that follow a loop
//
// If a test asks for it, threads that run no loop follow a loop in virtual time. AsyncIOTesting gives these threads the
// time of the loop. A thread that runs another loop keeps the time of that loop.
//
// If the loop has its own thread, there is a second case. Code without isolation, such as `Task.sleep`, leaves that
// thread and runs on the loop of the process. A task-local value marks the tasks that belong to the followed loop.
// While code of such a task runs, clocks show the time of the followed loop, and sleeps are timers of that loop.

/// The other threads of the process while they follow a loop in virtual time. Use this object only on the thread of
/// that loop.
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
    /// Sets the threads that follow this loop, or nil for none. The loop must be in virtual time.
    package func setFollowingThreads(_ threads: (any FollowingThreads)?) { virtual.threads = threads }

    /// Whether other threads follow this loop.
    package var isFollowed: Bool { virtual.threads != nil }

    /// The executor of the loop that the current task follows. That loop has its own thread.
    @TaskLocal private static var followed: LoopThreadExecutor?
    /// Whether a task may follow a loop. Outside of tests, this is false, so `Task.sleep` does not read the task-local
    /// value.
    private static let canFollow = Atomic(false)

    /// Calls `body`. The code in `body`, and the tasks that it creates, follow this loop on all threads.
    package func followedByTask<T>(_ body: () async throws -> T) async rethrows -> T {
        Self.canFollow.store(true, ordering: .relaxed)
        return try await Self.$followed.withValue(home?.object) { try await body() }
    }

    /// The loop that the current task follows, or nil. That loop has its own thread.
    static var followedByTask: EventLoop? { canFollow.load(ordering: .relaxed) ? followed?.loop : nil }

    package static var isOneFollowedByTask: Bool { followedByTask != nil }

    /// The offset from virtual time to the date, in nanoseconds since 1970.
    package var virtualEpoch: Int64 { virtual.epoch }
}

extension VirtualTime {
    /// The interval at which the loop checks threads that are running, in nanoseconds. The loop checks idle threads
    /// less often.
    static let pauseOfLooks: Int64 = 200_000

    /// Returns how long to sleep before the loop checks its followers again, in nanoseconds. Returns nil if there are
    /// no followers, if they are idle, or if they have been busy for too long.
    mutating func patienceForThreads(now: Int64) -> Int64? {
        guard let threads else { return nil }
        if threads.areIdle() {
            busySince = nil
            return nil
        }
        let since = busySince ?? now
        busySince = since
        // A thread that never waits delays the loop only once.
        return now - since < lastGrace ? Self.pauseOfLooks : nil
    }

    /// Records that timers of other threads have fired. These threads may now answer waits on which the loop has given
    /// up.
    mutating func noteTimersFired() { givenUp = [] }
}
