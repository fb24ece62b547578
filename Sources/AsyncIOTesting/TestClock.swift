internal import AsyncIOSystem

/// A clock that measures how long a test has run. The clock stops while another test with its own loop runs inside this
/// test. This can happen because the test runner can start tests whenever its code runs.
final class TestClock: Sendable {
    private struct Running {
        let clock: TestClock
        /// The time that has passed up to `since`, in nanoseconds.
        var elapsed: Int64 = 0
        var since: Int64
    }

    /// The tests that have started. The innermost test is last.
    private static let running = Guarded<[Running]>([])

    var elapsed: Duration {
        Self.running.withLock { running in
            guard let index = running.lastIndex(where: { $0.clock === self }) else { return .zero }
            let isInnermost = index == running.count - 1
            return .nanoseconds(
                running[index].elapsed + (isInnermost ? SystemClock.now() - running[index].since : 0))
        }
    }

    func whileRunning<T>(_ body: () throws -> T) rethrows -> T {
        Self.running.withLock { running in
            let now = SystemClock.now()
            if let outer = running.indices.last { running[outer].elapsed += now - running[outer].since }
            running.append(Running(clock: self, since: now))
        }
        defer {
            Self.running.withLock { running in
                running.removeLast()
                if let outer = running.indices.last { running[outer].since = SystemClock.now() }
            }
        }
        return try body()
    }
}
