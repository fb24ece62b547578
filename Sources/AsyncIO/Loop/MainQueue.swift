internal import AsyncIOSystem

// # Dispatch's main queue
//
// The blocks of `DispatchQueue.main` must run on the process's first thread. A loop on this thread runs them, as
// Swift's own executor would. Dispatch writes to a descriptor when the queue is not empty, the poller watches the
// descriptor, and an entry of the ready queue runs the blocks. Therefore, the blocks run between callbacks, and the
// loop is the current loop. `OperationQueue.main`, and timers, signals, and other sources that target the main queue,
// depend on this mechanism.
//
// The poller watches the descriptor for edges. Each write is an edge, so no code has to read the descriptor, and
// several nested loops can watch it. The descriptor is not in `descriptors`. Therefore, it does not prevent virtual
// time from jumping, or a deadlock from being reported, and it does not make a loop without descriptors poll in every
// turn. A loop polls anyway if it has other descriptors or goes to sleep. Any other loop polls once in a certain number
// of turns, and each time the watchdog has checked the loop.

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
