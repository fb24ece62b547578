internal import AsyncIOSystem
internal import Synchronization

/// A callback that another thread gave to the loop.
///
/// asyncio: the `Handle` of `loop.call_soon_threadsafe`.
public final class ThreadSafeHandle: Sendable {
    private let callback: Guarded<(@Sendable () throws -> Void)?>
    /// Held while the callback runs.
    private let running = Guarded(false)
    private let cancelled = Atomic(false)

    init(_ callback: @escaping @Sendable () throws -> Void) {
        self.callback = Guarded(callback)
    }

    /// Whether `cancel()` was called.
    public var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    /// Prevents the callback from running. If it is running, waits until it has
    /// ended; on the loop's own thread, where that would be for ever, it does not
    /// wait.
    public func cancel() {
        cancelled.store(true, ordering: .relaxed)
        callback.withLock { $0 = nil }
        if EventLoop.here == nil { running.withLock { _ in } }
    }

    func run() throws {
        try running.withLock { _ in
            guard let callback = self.callback.withLock({ $0.take() }) else { return }
            try callback()
        }
    }
}
