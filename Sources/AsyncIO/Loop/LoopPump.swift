internal import AsyncIOSystem

/// An object that runs a loop in short sections inside a foreign run loop. An example is the run loop of XCTest, which
/// blocks the main thread while an `async` test runs.
///
/// The host calls ``pump()`` on the main thread in three cases: a job arrives and no loop is running (see
/// ``whenNoLoopRuns(_:)``), a timer is due (see the result of ``pump()``), or ``descriptor`` is readable.
package final class LoopPump {
    private let loop: EventLoop

    package init() throws {
        // The host watches the poller's descriptor.
        loop = try EventLoop(backend: .epoll)
        loop.isPumped = true
        // The host is not an `async` main function; see EventLoop+Access.swift.
        ThreadState.awaitsMain = false
    }

    /// Makes this process call `body`, on any thread, when a job arrives and no loop is running.
    package static func whenNoLoopRuns(_ body: @escaping @Sendable () -> Void) {
        LoopExecutor.shared.setOnOrphan(body)
    }

    /// A descriptor that is readable when a descriptor of the loop is ready, or when another thread has woken the loop.
    package var descriptor: Int32 { loop.poller.descriptor }

    /// Runs the entries that are ready, if no loop is running on this thread.
    ///
    /// - Returns: The time until the next timer, in nanoseconds, or nil if the loop has no timers.
    package func pump() -> Int64? {
        guard EventLoop.here == nil else { return nil }
        repeat { try? loop.run(until: { true }) } while !loop.ready.isEmpty || loop.inbox.hasNews
        return loop.timers.first.map { max(0, $0 - SystemClock.now()) }
    }
}
