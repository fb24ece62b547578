internal import AsyncIOSystem

/// Runs a loop piecemeal inside a foreign run loop, such as XCTest's, which blocks the main thread while an
/// `async` test runs.
///
/// The host calls ``pump()`` on the main thread when a job arrives and no loop is running
/// (``whenNoLoopRuns(_:)``), when a timer is due (the result of ``pump()``), and when ``descriptor`` is
/// readable.
package final class LoopPump {
    private let loop: EventLoop

    package init() throws {
        // The host watches the poller's descriptor.
        loop = try EventLoop(backend: .epoll)
        loop.isPumped = true
        // The host is not an async main; see EventLoop+Access.swift.
        ThreadState.awaitsMain = false
    }

    /// Calls `body`, on any thread, when a job arrives and no loop is running in this process.
    package static func whenNoLoopRuns(_ body: @escaping @Sendable () -> Void) {
        LoopExecutor.shared.setOnOrphan(body)
    }

    /// Readable when a descriptor that the loop watches is ready, or another thread has woken the loop.
    package var descriptor: Int32 { loop.poller.descriptor }

    /// Runs the entries that are ready, if no loop is running on this thread.
    ///
    /// - Returns: The nanoseconds until the next timer, or nil if there are no timers.
    package func pump() -> Int64? {
        guard EventLoop.here == nil else { return nil }
        repeat { try? loop.run(until: { true }) } while !loop.ready.isEmpty || loop.inbox.hasNews
        return loop.timers.first.map { max(0, $0 - SystemClock.now()) }
    }
}
