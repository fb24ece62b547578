/// The time of threads that run no event loop, while a loop runs in virtual time. The set of cases is final.
///
/// asyncio: none.
public enum ThreadTime: Sendable {
    /// Other threads use the machine's clock.
    case real
    /// All threads of the process that run no event loop follow the virtual time of the loop.
    ///
    /// Use this to test code whose timeouts are on threads of other libraries, such as the `timeout` of
    /// AsyncHTTPClient's `execute`, the timers of SwiftNIO, and the timers of Dispatch on global queues:
    ///
    /// ```swift
    /// @Test(.virtualTime(threads: .virtual)) func theServerNeverAnswers() async throws {
    ///     await #expect(throws: HTTPClientError.deadlineExceeded) {
    ///         try await client.execute(request, timeout: .seconds(30)) // takes no real time
    ///     }
    ///     #expect(try VirtualClock.current.elapsed == .seconds(30))
    /// }
    /// ```
    ///
    /// The following applies while the loop exists:
    ///
    /// - All clocks of these threads show the time of the loop, and `sleep`, `usleep`, and `nanosleep` wait for it.
    /// - Timers of the kernel (`timerfd_create`), on which SwiftNIO and Dispatch wait, are deadlines of the loop. Timers
    ///   that were set before follow as well. When the loop is closed, the rest of each timer passes in real time.
    /// - The clock jumps only when all threads of the process wait in the kernel. So everything that happens within the
    ///   process happens before time passes. For answers from other processes, the loop waits for the grace.
    /// - The time limit of other blocking calls, such as `poll`, `pthread_cond_timedwait`, and
    ///   `DispatchSemaphore.wait(timeout:)`, is measured in real time.
    /// - Periodic timers of other threads let time continue, so the loop cannot detect a deadlock.
    ///
    /// This concerns the whole process, so threads can follow one loop at a time. A test that runs inside another one
    /// on the same thread takes over the threads until it ends.
    case virtual
}
