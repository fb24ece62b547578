internal import AsyncIOSystem
internal import CShims

/// Runs a loop piecemeal inside a run loop that is somebody else's: XCTest's, which blocks
/// the main thread while an `async` test runs.
///
/// The host calls ``pump()`` on the main thread when a job comes and no loop runs
/// (``whenNoLoopRuns(_:)``), when a time has come (the result of ``pump()``), and when
/// ``descriptor`` is readable.
package final class LoopPump {
    private let loop: EventLoop

    package init() throws {
        // The host looks at the poller's descriptor from outside.
        loop = try EventLoop(backend: .epoll)
        loop.isPumped = true
        // The host is no async main; see EventLoop+Access.swift.
        asyncio_set_awaits_main(false)
    }

    /// Calls `body`, on any thread, when a job comes and no loop runs in this process.
    package static func whenNoLoopRuns(_ body: @escaping @Sendable () -> Void) {
        LoopExecutor.shared.setOnOrphan(body)
    }

    /// Readable when a descriptor that the loop watches is ready, or another thread woke it.
    package var descriptor: Int32 { loop.poller.descriptor }

    /// Runs what is ready, if no loop runs on this thread.
    ///
    /// - Returns: the nanoseconds until the next timer; nil if there is none.
    package func pump() -> Int64? {
        guard EventLoop.here == nil else { return nil }
        repeat { try? loop.run(until: { true }) } while !loop.ready.isEmpty || loop.inbox.hasNews
        return loop.timers.first.map { max(0, $0 - SystemClock.now()) }
    }
}
