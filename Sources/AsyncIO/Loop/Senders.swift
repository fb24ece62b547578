internal import AsyncIOSystem

// # Polling briefly before sleeping
//
// Going to sleep and being woken takes two system calls and two thread switches, some three microseconds. A
// thread that feeds the loop, that of a stream for example, often has its next item sooner. So a loop that
// was woken by another thread polls the inbox for about a microsecond before it sleeps again.
//
// If that is in vain, it happens less and less often: after each failure, twice as many sleeps follow without
// polling. A loop that no other thread wakes never polls.

/// Whether other threads are likely to send something soon. Loop thread only.
struct Senders {
    /// Whether another thread ended the latest sleep.
    var areExpected = false
    /// The number of sleeps left without polling before them.
    private var sleepsLeft = 0
    private var sleepsAfterFailure = 1

    private static let looks = 30
    private static let mostSleeps = 256
    private static let haveProcessorsOfTheirOwn = Thread.processorCount > 1

    /// Polls the inbox briefly. Returns whether there is something in it.
    @inline(never)
    mutating func come(to inbox: Inbox) -> Bool {
        if sleepsLeft > 0 {
            sleepsLeft -= 1
            return false
        }
        guard Self.haveProcessorsOfTheirOwn else { return false }
        for _ in 0..<Self.looks {
            if inbox.hasNews {
                sleepsAfterFailure = 1
                return true
            }
            Thread.relax()
        }
        sleepsLeft = sleepsAfterFailure
        sleepsAfterFailure = min(2 * sleepsAfterFailure, Self.mostSleeps)
        return false
    }
}
