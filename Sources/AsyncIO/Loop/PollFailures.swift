internal import AsyncIOSystem
internal import SystemPackage

// # A poller that fails
//
// A system that is short of memory may refuse to wait for events now and grant it a moment
// later. A container's filter refuses it for good. A loop that tried again at once would spin
// and fill the log; so it reports the first failure, tries again after a pause, and ends its
// run if that does not help: `run` throws the error. What is left of the program (the tasks
// are cancelled) still runs as far as it needs no events.

/// What is known of the poller's failures. Loop thread only.
struct PollFailures {
    private var count = 0
    private var latestTurn: UInt64 = 0
    /// The run cannot go on.
    private(set) var final: OSError?

    /// A second, all in all.
    private static let most = 100
    static let pause: Int64 = 10_000_000

    /// Whether it is the first one in a row.
    mutating func note(_ error: Errno, turn: UInt64) -> Bool {
        count = turn == latestTurn &+ 1 ? count + 1 : 1
        latestTurn = turn
        switch error {
        case .noMemory, .wouldBlock, .resourceBusy, .noBufferSpace, .tooManyOpenFiles, .tooManyOpenFilesInSystem:
            guard count >= Self.most else { break }
            final = OSError(error, "waiting for events, which failed \(count) times in a row")
        default:
            final = OSError(error, "waiting for events, which the system refuses the event loop")
        }
        return count == 1
    }
}

extension EventLoop {
    @inline(never)
    func pollFailed(_ error: Errno) {
        let isFirst = pollFailures.note(error, turn: turns)
        if let failure = pollFailures.final {
            escaping = failure
            return
        }
        if isFirst {
            callExceptionHandler(
                ExceptionContext(
                    message: "The event loop's poller failed; it tries again",
                    error: OSError(error, "waiting for events")))
        }
        Thread.pause(nanoseconds: PollFailures.pause)
    }

    /// What is ready may run; but who would have to wait cannot.
    @inline(never)
    func doWithoutPolling(_ timeout: Int64?, _ failure: OSError) {
        receiveFromOtherThreads()
        if timeout != 0, ready.isEmpty { escaping = failure }
    }
}
