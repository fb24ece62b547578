/// The time of the threads that run no event loop, while a loop runs in virtual time. The set of cases is final.
///
/// Use ``virtual`` to test code whose timeouts are on threads of other libraries, such as the `timeout` of
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
    /// The threads follow the virtual time of the loop until it is closed.
    ///
    /// - All clocks of these threads show the time of the loop. `sleep`, `usleep`, and `nanosleep` wait until it has
    ///   advanced.
    /// - The timers of the kernel, on which SwiftNIO and Dispatch wait, are deadlines of the loop. This includes timers
    ///   that were set before. When the loop is closed, what is left of each timer passes in real time. A library that
    ///   compares deadlines with a clock is then late by the virtual time that has passed.
    /// - The clock jumps only when all threads of the process wait in the kernel. Therefore, everything that happens
    ///   within the process happens before time passes. For an answer from another process, the loop waits for the grace
    ///   period, even if `toThread` or a similar function waits for that answer.
    /// - The limit of other blocking calls, such as `poll`, `pthread_cond_timedwait`, and
    ///   `DispatchSemaphore.wait(timeout:)`, passes in real time.
    /// - If another thread has a periodic timer, time always continues, so the loop cannot detect a deadlock.
    /// - Libraries with their own TLS, such as SwiftNIO SSL, check certificates at the date of the loop. For such tests,
    ///   begin at a date at which the certificates are valid.
    /// - Dispatch does not start additional threads for those that are blocked.
    ///
    /// This concerns the whole process, so the threads can follow one loop at a time. Other loops keep their own time,
    /// but the work that they pass to other threads is affected. If a test with a loop starts inside another test on
    /// the same thread, the threads have the time that this test specifies until it ends. Tests that run at the same
    /// time as `runInVirtualTime(threads: .virtual) { io in }` are not separated in this way; run them one after
    /// another, for example with `.serialized` or `swift test --no-parallel`.
    case virtual
}
