/// The other threads of the process, if they follow the time of a loop in virtual time. Loop thread only.
package protocol FollowingThreads: AnyObject {
    /// The time at which the next timer of a thread is due, or nil if no timer is set.
    var nextDeadline: Int64? { get }
    /// Whether a thread sleeps until the time of the loop has advanced.
    var isOneAsleep: Bool { get }
    /// Returns whether all threads wait in the kernel, and have waited since the previous call.
    func areIdle() -> Bool
    /// Sets the time of the threads and the offset of their date, and resumes those whose timers are due. Returns
    /// whether a timer was due.
    func follow(_ time: Int64, epoch: Int64) -> Bool
}

extension EventLoop {
    /// Makes other threads follow this loop, which must be in virtual time; nil for none.
    package func setFollowingThreads(_ threads: (any FollowingThreads)?) { virtual.threads = threads }

    /// Whether other threads follow this loop. If it has its own thread, it then also runs the code without isolation
    /// that its tasks call, such as `Task.sleep`, which would take real time elsewhere.
    package var isFollowed: Bool { virtual.threads != nil }

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
