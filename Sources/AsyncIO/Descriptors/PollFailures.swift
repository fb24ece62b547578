internal import AsyncIOSystem
internal import SystemPackage

// # A failing poller
//
// A system that is out of memory may refuse to wait for events now, but allow it a moment later. The system-call filter
// of a container may refuse it permanently. A loop that tried again at once would spin and fill the log. The loop
// therefore reports the first failure and tries again after a pause. If that does not help, the loop ends its run, and
// `run` throws the error. The tasks are then cancelled. The rest of the program still runs, as long as it needs no
// events.

/// The recent failures of the poller. Use this type only on the loop's thread.
struct PollFailures {
    private var count = 0
    private var latestTurn: UInt64 = 0
    /// The error that ends the run, or nil if the run can continue.
    private(set) var final: OSError?

    /// The maximum number of consecutive failures. The pauses between them take about one second in total.
    private static let most = 100
    static let pause: Int64 = 10_000_000

    /// Records a failure, and returns whether the failure is the first in a series.
    mutating func note(_ error: Errno, turn: UInt64) -> Bool {
        count = turn == latestTurn &+ 1 ? count + 1 : 1
        latestTurn = turn
        switch error {
        case .noMemory, .wouldBlock, .resourceBusy, .noBufferSpace, .tooManyOpenFiles, .tooManyOpenFilesInSystem:
            guard count >= Self.most else { break }
            final = OSError(error, "waiting for events failed \(count) times in a row")
        default:
            final = OSError(error, "waiting for events, which the system does not permit")
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
                    message: "The event loop's poller failed; trying again",
                    error: OSError(error, "waiting for events")))
        }
        Thread.pause(nanoseconds: PollFailures.pause)
    }

    /// Receives work from other threads without polling. If no work is ready and the loop would have to wait, this
    /// method ends the run with `failure`.
    @inline(never)
    func doWithoutPolling(_ timeout: Int64?, _ failure: OSError) {
        receiveFromOtherThreads()
        if timeout != 0, ready.isEmpty { escaping = failure }
    }
}
