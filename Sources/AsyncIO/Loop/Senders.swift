internal import AsyncIOSystem

// # Waiting a moment before the sleep
//
// To sleep and to be woken are two system calls and two changes of the running thread, some
// three microseconds. A thread that feeds the loop, a stream's say, often has its next item
// sooner. So a loop that was woken by another thread looks at the inbox for about a microsecond
// before it sleeps again.
//
// Where that is in vain, it is done less and less: after each look that found nothing, twice as
// many sleeps go by without one. A loop that no other thread wakes never looks.

/// Whether other threads are likely to have something soon. Loop thread only.
struct Senders {
    /// One of them ended the latest sleep.
    var areExpected = false
    /// Sleeps that are to come without a look before them.
    private var sleepsLeft = 0
    private var sleepsAfterFailure = 1

    private static let looks = 30
    private static let mostSleeps = 256
    private static let haveProcessorsOfTheirOwn = Thread.processorCount > 1

    /// Looks at the inbox for a moment; whether something is there.
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
