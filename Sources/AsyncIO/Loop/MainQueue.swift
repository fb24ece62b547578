internal import AsyncIOSystem

// # Dispatch's main queue
//
// The blocks of `DispatchQueue.main` have to be run on the process's first thread. A loop that runs there does this, as
// Swift's own executor would: Dispatch writes to a descriptor when the queue is not empty, the poller watches the
// descriptor, and an entry of the ready queue runs the blocks. So they run between callbacks, with the loop as the
// current one. `OperationQueue.main`, and timers, signals, and other sources that target the main queue, depend on it.
//
// The descriptor is watched for edges. Each write is an edge, so nothing has to read the descriptor, and
// several nested loops can watch it. It is not in `descriptors`: it neither prevents a loop in virtual time
// from jumping or from ending in a deadlock, nor makes a loop without descriptors poll in every turn. A loop
// with other descriptors polls anyway, and so does one that sleeps. A loop that does neither polls once in a
// number of turns, and each time the watchdog has looked at it.

struct MainQueueService {
    /// Whether the descriptor is watched.
    var isWatched = false
    /// Whether the ready queue has an entry that runs the blocks of the main queue.
    var isQueued = false
    /// The time at which the loop last polled for the main queue; see `Pulse.now`.
    var look: Int64 = 0

    /// A token that differs from the tokens of the loop's descriptors and of the wake-up.
    static let token = UInt64.max - 1
    /// The number of turns after which a loop polls even if it never sleeps and has no descriptors.
    static let interval: UInt64 = 256
}

extension EventLoop {
    /// Serves the main queue if the current thread, which is about to run the loop, is the process's first thread.
    func serveMainQueue() {
        // The host of a pumped loop serves the queue itself.
        guard !isPumped else { return }
        let isMain = Thread.isMain
        guard isMain != mainQueue.isWatched, let descriptor = DispatchMainQueue.descriptor else { return }
        do {
            if isMain {
                try poller.add(descriptor, for: [.readable, .edge], token: MainQueueService.token)
            } else {
                try poller.remove(descriptor)
            }
            mainQueue.isWatched = isMain
        } catch {
            callExceptionHandler(
                ExceptionContext(message: "The event loop cannot serve Dispatch's main queue", error: error))
        }
    }

    /// Whether a turn that would otherwise not poll must poll for the main queue.
    @inline(__always)
    var isMainQueueDue: Bool {
        mainQueue.isWatched && (turns % MainQueueService.interval == 0 || pulse.now != mainQueue.look)
    }

    /// Schedules the blocks of the main queue. Called when the main queue is not empty.
    @inline(never)
    func mainQueueIsReady() {
        guard !mainQueue.isQueued else { return }
        mainQueue.isQueued = true
        enqueue { [self] in
            mainQueue.isQueued = false
            DispatchMainQueue.drain()
        }
    }

    /// Polls for the main queue, and returns whether an entry is now ready. A loop in virtual time calls this method
    /// before it decides that nothing can happen now.
    func mainQueueHasNews() -> Bool {
        guard mainQueue.isWatched, let count = try? poller.wait(timeout: 0) else { return false }
        for index in 0..<count { descriptorIsReady(poller.event(at: index), among: descriptors) }
        return !ready.isEmpty
    }
}
