/// The time that threads without an event loop use while a loop runs in virtual time. The set of cases is final.
///
/// Use ``virtual`` to test code whose timeouts run on the threads of other libraries, such as the `timeout` of
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
/// asyncio: none.
public enum ThreadTime: Sendable {
    /// The threads use the machine's clock.
    case real
    /// The threads follow the virtual time of the loop until the loop is closed.
    ///
    /// - All clocks on these threads show the time of the loop. `sleep`, `usleep`, and `nanosleep` wait until this time
    ///   has advanced.
    /// - Kernel timers, which SwiftNIO and Dispatch use, become deadlines of the loop. This includes timers that were
    ///   set before the run. When the loop is closed, the remaining time of each timer and of each sleep passes in real
    ///   time. After that, if a library compares an old deadline with a clock, the deadline is late by the virtual time
    ///   that has passed. For example, this applies to a timer of Dispatch that another test set during the run.
    /// - The clock jumps only when all threads of the process wait in the kernel. Therefore, all work within the
    ///   process is done before time passes. For an answer from another process, the loop waits for the grace period,
    ///   even if a function such as `toThread` waits for that answer.
    /// - The time limits of other blocking calls, such as `poll`, `pthread_cond_timedwait`, and
    ///   `DispatchSemaphore.wait(timeout:)`, are in real time.
    /// - If another thread has a periodic timer, virtual time never stops, so the loop cannot detect a deadlock.
    /// - Libraries with their own TLS, such as SwiftNIO SSL, check certificates against the date of the loop. For such
    ///   tests, set a date on which the certificates are valid.
    /// - Dispatch does not start additional threads to replace blocked threads.
    ///
    /// This setting affects the whole process, so the threads can follow only one loop at a time. Other loops keep
    /// their own time, but the work that they pass to other threads is affected: its sleeps and timers follow the loop.
    /// If a test with a loop in real time starts inside a test whose threads follow, the threads use real time until
    /// the inner test ends. A second test whose threads follow waits until the first one has ended. Tests that run at
    /// the same time as `runInVirtualTime(threads: .virtual) { io in }` are not separated in this way. If other tests of
    /// the process sleep or use timers on threads, run all tests one after another, with `swift test --no-parallel`.
    case virtual
}
