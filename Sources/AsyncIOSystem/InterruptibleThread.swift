internal import CShims
package import SystemPackage

/// A thread for one thing that may take for ever, such as waiting for the other end of a pipe.
package final class InterruptibleThread: Sendable {
    private enum State {
        case starting
        /// With the system's number.
        case running(Int32)
        case ended
    }

    private let state = Guarded(State.starting)

    private init() {}

    /// Starts a thread that runs `body` and ends.
    package static func start(
        named name: String, _ body: @escaping @Sendable () -> Void
    ) throws(Errno) -> InterruptibleThread {
        let thread = InterruptibleThread()
        try Thread.start(named: name) {
            thread.state.withLock { $0 = .running(asyncio_thread_number()) }
            body()
            thread.state.withLock { $0 = .ended }
        }
        return thread
    }

    /// Ends the system call that the thread waits in, with `.interrupted`; returns at once.
    package func interrupt() {
        guard tryToInterrupt() else { return }
        // It may have come just before the call. Another thread sees to it that it ends.
        try? Thread.start(named: "asyncio_interrupt") { [self] in
            var pause: Int64 = 1_000_000
            repeat {
                Thread.pause(nanoseconds: pause)
                pause = min(2 * pause, 1_000_000_000)
            } while tryToInterrupt()
        }
    }

    /// False if the body has ended.
    private func tryToInterrupt() -> Bool {
        // Under the lock, so that the number is nobody else's yet.
        state.withLock { state in
            switch state {
            case .starting: break
            case .running(let number): asyncio_thread_interrupt(number)
            case .ended: return false
            }
            return true
        }
    }
}
