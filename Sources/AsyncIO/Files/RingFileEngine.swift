internal import AsyncIOSystem
internal import SystemPackage

/// An engine that performs requests with io_uring. The loop's poller watches the ring while requests are in progress,
/// so the engine works with every poller. Threads perform the requests that the ring does not support.
final class RingFileEngine: FileEngine {
    /// The ring, or nil after the loop is closed.
    private var ring: Ring?
    private let threads: ThreadFileEngine
    private var inFlight: [UInt64: FileOperation] = [:]
    private var lastToken: UInt64 = 0
    private var isWatching = false

    init(loop: EventLoop, threads: ThreadFileEngine) throws(Errno) {
        self.threads = threads
        // Not owned by a thread, because a loop can later run on another one.
        ring = try Ring(entries: 64, completions: 1024, isOwned: false)
        super.init(loop: loop)
    }

    override func start(_ operation: FileOperation) throws {
        guard let ring else { throw RuntimeError("Event loop is closed") }
        // The kernel also has few worker threads, and an open that blocks would occupy one.
        if case .open = operation.request.action, FileFacts.kindNow(operation.request.path) != .plain {
            return try threads.start(operation)
        }
        lastToken += 1
        let token = lastToken
        guard (try? ring.submit(operation.request, token: token)) == true else {
            return try threads.start(operation)
        }
        inFlight[token] = operation
        operation.token = token
        work.noteStart()
        // Requests that need no waiting have already ended.
        takeCompletions()
        guard !operation.isDone else { return }
        watchOrLookAgain()
    }

    /// Watches the ring. If the system does not have enough memory to watch the ring, this method checks the ring after
    /// a pause and tries again.
    private func watchOrLookAgain() {
        do {
            try watch()
        } catch {
            loop.schedule(
                .callback { [weak self] in
                    guard let self, let ring else { return }
                    try? ring.enter(waitingFor: 0, timeout: 0)
                    takeCompletions()
                    if !inFlight.isEmpty { watchOrLookAgain() }
                }, at: loop.time.advanced(by: .milliseconds(10)))
        }
    }

    override func cancel(_ operation: FileOperation) {
        guard let token = operation.token else { return threads.cancel(operation) }
        // The request completes soon, cancelled or not.
        try? ring?.cancel(token)
        try? ring?.enter(waitingFor: 0, timeout: 0)
        takeCompletions()
    }

    // MARK: Completions

    private func takeCompletions() {
        guard let ring else { return }
        while let completion = ring.next() {
            guard let operation = inFlight.removeValue(forKey: completion.token) else { continue }
            operation.request.result = Int(completion.result)
            work.noteEnd()
            operation.end()
        }
        // The kernel holds back completions that do not fit into the queue.
        if ring.hasWork, (try? ring.enter(waitingFor: 0, timeout: 0)) != nil, ring.hasWork { return takeCompletions() }
        if isWatching, inFlight.isEmpty { unwatchUnlessUsed() }
    }

    // MARK: Watching the ring

    private func watch() throws {
        guard !isWatching, let ring else { return }
        try loop.addReader(ring.descriptor) { [unowned self] in takeCompletions() }
        isWatching = true
    }

    /// Stops watching the ring if no requests are in progress one turn later. The delay is useful because the tasks
    /// that were just woken may submit more requests.
    private func unwatchUnlessUsed() {
        loop.enqueue { [weak self] in
            guard let self, let ring, isWatching, inFlight.isEmpty else { return }
            isWatching = false
            try loop.removeReader(ring.descriptor)
        }
    }

    // MARK: Ending

    /// Cancels the requests in progress. This method waits at most one second for the kernel to stop using the memory
    /// of the requests.
    override func close() {
        guard let ring else { return }
        for token in inFlight.keys { try? ring.cancel(token) }
        for _ in 0..<100 where !inFlight.isEmpty {
            try? ring.enter(waitingFor: 1, timeout: 10_000_000)
            while let completion = ring.next() { inFlight[completion.token] = nil }
        }
        // A request that hangs (on a disk that does not respond) keeps its memory forever.
        for operation in inFlight.values { _ = unsafe Unmanaged.passRetained(operation) }
        self.ring = nil
    }
}
