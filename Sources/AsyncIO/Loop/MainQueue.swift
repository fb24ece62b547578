internal import AsyncIOSystem

// # Dispatch's main queue
//
// Somebody has to run the blocks of `DispatchQueue.main` on the process's first thread. A loop that
// runs there does, as Swift's own executor would: Dispatch writes to a descriptor when the queue has
// got something, the poller watches it, and an entry of the ready queue runs what there is then. So
// blocks run between callbacks, with the loop current. `OperationQueue.main`, and timers, signals
// and other sources with the main queue as their target, stand on it.
//
// The descriptor is watched for edges: each write is one, so that nobody has to read it, and several
// loops, one inside the other, may watch it. It is not among `descriptors`: it neither keeps a loop
// in virtual time from jumping or from ending in a deadlock, nor makes one that has no descriptor
// ask the kernel in every turn. A loop that has others asks anyway, and so does one that sleeps. One
// that does neither looks once in so many turns, and each time the watchdog has looked at it.

struct MainQueueService {
    /// The descriptor is watched.
    var isWatched = false
    /// An entry that runs what the queue has is in the ready queue.
    var isQueued = false
    /// When the loop last looked; see `Pulse.now`.
    var look: Int64 = 0

    /// No descriptor of the loop has this token, nor is it the wake-up's.
    static let token = UInt64.max - 1
    /// How often a loop that never sleeps and has no descriptors looks, in turns.
    static let interval: UInt64 = 256
}

extension EventLoop {
    /// Serves the main queue if this thread is the process's first, which is about to run.
    func serveMainQueue() {
        // The host of a pumped loop serves it.
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

    /// Whether a turn that needs no news of its own is to look for the main queue's.
    @inline(__always)
    var isMainQueueDue: Bool {
        mainQueue.isWatched && (turns % MainQueueService.interval == 0 || pulse.now != mainQueue.look)
    }

    /// The main queue has got something.
    @inline(never)
    func mainQueueIsReady() {
        guard !mainQueue.isQueued else { return }
        mainQueue.isQueued = true
        let handle = Handle(
            .callback { [self] in
                mainQueue.isQueued = false
                DispatchMainQueue.drain()
            })
        ready.append(.handle(handle))
    }

    /// A loop in virtual time looks before it says that nothing can happen now.
    func mainQueueHasNews() -> Bool {
        guard mainQueue.isWatched, let count = try? poller.wait(timeout: 0) else { return false }
        for index in 0..<count { descriptorIsReady(poller.event(at: index), among: descriptors) }
        return !ready.isEmpty
    }
}
