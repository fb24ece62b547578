internal import CShims
package import SystemPackage

/// A thread for a single operation that may never end, such as waiting for the other end of a pipe.
package final class InterruptibleThread: Sendable {
    private enum State {
        case starting
        /// The thread is running and has this ID.
        case running(Int32)
        case ended
    }

    private let state = Guarded(State.starting)

    private init() {}

    /// Starts a thread that runs `body` and then ends.
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

    /// Makes the thread's current system call fail with `.interrupted`. Returns immediately.
    package func interrupt() {
        guard tryToInterrupt() else { return }
        // The interrupt may have arrived just before the system call, so another thread repeats it until the body has
        // ended.
        try? Thread.start(named: "asyncio_interrupt") { [self] in
            var pause: Int64 = 1_000_000
            repeat {
                Thread.pause(nanoseconds: pause)
                pause = min(2 * pause, 1_000_000_000)
            } while tryToInterrupt()
        }
    }

    /// Tries to interrupt the thread. Returns false if the body has ended.
    private func tryToInterrupt() -> Bool {
        // The lock ensures that the ID does not belong to another thread yet.
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
