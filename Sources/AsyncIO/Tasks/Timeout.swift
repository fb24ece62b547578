/// An option for a body that was cancelled at its time limit but still returned a value or threw its own error.
public struct LateResult: Sendable, Hashable {
    private let discards: Bool

    /// Returns the value or throws the error, as in asyncio. No result is lost, and ``Timeout/isExpired`` indicates
    /// whether the time limit was exceeded.
    public static let keep = LateResult(discards: false)
    /// Throws ``TimeoutError``, regardless of how the body ended, unless the body threw ``KeyboardInterrupt``. A
    /// returned value is discarded, so do not use this option for a body that returns an object that must be closed. An
    /// error that the body threw becomes the ``TimeoutError/underlyingError``.
    public static let discard = LateResult(discards: true)
}

/// The time limit of a body, as specified by the program.
@usableFromInline
struct TimeLimit {
    let duration: Duration?
    @usableFromInline let deadline: Int64?
    @usableFromInline let site: CreationSite
    let lateResult: LateResult

    @usableFromInline
    init(_ duration: Duration?, _ lateResult: LateResult, _ site: CreationSite) {
        self.duration = duration
        deadline = duration.map { EventLoop.required(for: "withTimeout").time.advanced(by: $0) }
        self.site = site
        self.lateResult = lateResult
    }

    @usableFromInline
    init(until deadline: ContinuousClock.Instant?, _ lateResult: LateResult, _ site: CreationSite) {
        duration = nil
        self.deadline = deadline?.loopTime
        self.site = site
        self.lateResult = lateResult
    }

    /// Returns the error for a timeout whose deadline was not moved.
    func error(_ underlyingError: (any Error)? = nil) -> TimeoutError {
        TimeoutError(
            limit: duration, deadline: deadline.map { .init(loopTime: $0) }, site: site,
            underlyingError: underlyingError)
    }
}

/// A deadline for a body; see
/// ``withTimeout(_:lateResult:isolation:fileID:line:_:)-(_,_,_,_,_,(Timeout)->T)``.
///
/// asyncio: `asyncio.Timeout`.
public final class Timeout {
    private enum State: String { case created, active, expiring, expired, finished }

    // Loop thread only: the class is not Sendable, and entering checks the thread.
    @safe @exclusivity(unchecked) private var state = State.created
    @safe @exclusivity(unchecked) private var deadline: Int64?
    @safe @exclusivity(unchecked) private var handle: Handle?
    @safe @exclusivity(unchecked) private var task: AnyAsyncTask?
    /// The number of the task's cancellation requests when the body began.
    @safe @exclusivity(unchecked) private var baseline = 0
    /// Whether the body can wait for code outside this library; see onCarrier.swift.
    private let isNative: Bool
    private let limit: TimeLimit

    @usableFromInline
    init(_ limit: TimeLimit, isNative: Bool) {
        self.limit = limit
        deadline = limit.deadline
        self.isNative = isNative
    }

    /// The deadline on the loop's clock (see ``EventLoop/now``), or `nil` for no deadline.
    ///
    /// asyncio: `Timeout.when`.
    public var when: ContinuousClock.Instant? { deadline.map { .init(loopTime: $0) } }

    /// Whether the deadline passed before the body ended. You can also read this property after the body has ended.
    ///
    /// If a body is cancelled while it waits in another library, the wait can end without an error. For example, a loop
    /// over an `AsyncStream` ends as if the stream had ended. Check this property after a wait in another library, or
    /// pass ``LateResult/discard``.
    ///
    /// asyncio: `Timeout.expired`.
    public var isExpired: Bool { state == .expiring || state == .expired }

    /// Moves the deadline. If the new deadline has already passed, the body is cancelled at its next wait.
    ///
    /// - Parameter when: The new deadline on the loop's clock (see ``EventLoop/now``), or `nil` for no deadline.
    /// - Throws: ``RuntimeError`` if the body has ended or the deadline has passed.
    ///
    /// asyncio: `Timeout.reschedule`.
    public func reschedule(to when: ContinuousClock.Instant?) throws(RuntimeError) {
        guard state == .active else {
            throw RuntimeError(
                state == .created
                    ? "the timeout has not been entered" : "cannot change the deadline of a timeout that is \(state)")
        }
        deadline = when?.loopTime
        arm()
    }

    // MARK: Inside

    /// Called when the body begins.
    @usableFromInline
    func enter(_ task: AnyAsyncTask) {
        state = .active
        self.task = task
        baseline = task.cancelling
        arm()
    }

    private func arm() {
        handle?.cancel()
        handle = nil
        guard let deadline else { return }
        let loop = EventLoop.required(for: "A timeout")
        let expiry = { [unowned self] in expire() }
        handle = deadline <= loop.time ? loop.enqueue(expiry) : loop.schedule(.callback(expiry), at: deadline)
    }

    private func expire() {
        state = .expiring
        handle = nil
        _ = task?.cancel(nil, isNative: isNative)
    }

    /// Called when the body has ended. Returns the error to throw instead of the body's own error, if any.
    @usableFromInline
    func leave(_ error: (any Error)?) -> (any Error)? {
        handle?.cancel()
        handle = nil
        defer { task = nil }
        guard state == .expiring, let task else {
            state = .finished
            return error.map { self.task?.counted($0) ?? $0 }
        }
        state = .expired
        let isCancellation = error.map(task.isCancellation) ?? false
        let isOthersToo = task.uncancel() > baseline
        if isCancellation { return isOthersToo ? CancellationError() : timeoutError(error) }
        if limit.lateResult == .keep || error is KeyboardInterrupt { return error }
        return timeoutError(error)
    }

    private func timeoutError(_ underlyingError: (any Error)?) -> TimeoutError {
        guard deadline == limit.deadline else {
            return TimeoutError(deadline: when, site: limit.site, underlyingError: underlyingError)
        }
        return limit.error(underlyingError)
    }
}

/// Runs `body`, and cancels it if it takes longer than `delay`.
///
/// When the time limit passes, the body is cancelled, whether it is waiting in this library or in other `async` code.
/// This function waits until the body has ended, however long that takes. If the body ends with a `CancellationError`,
/// or with another error that indicates a cancellation, this function throws ``TimeoutError`` instead; see
/// ``registerCancellationError(_:where:)``. If the body still returns a value, this function returns that value, unless
/// `lateResult` is ``LateResult/discard``. Cancellations from other sources are not converted to ``TimeoutError``.
///
/// ```swift
/// try await withTimeout(.seconds(5)) { timeout in
///     for await event in events { show(event) }
///     if timeout.isExpired { print("there may be more") }
/// }
/// ```
///
/// - Parameters:
///   - delay: The maximum duration of the body, or `nil` for no limit.
///   - lateResult: An option for a body that returns a value or throws its own error after the time limit.
///   - body: A closure that receives the timeout. The closure can move the deadline of the timeout.
/// - Returns: The value that `body` returns.
/// - Throws: ``TimeoutError`` if the time limit ended the body; otherwise, the error that `body` throws. If the current
///   task is cancelled, the body is also cancelled, and its `CancellationError` is thrown.
///
/// asyncio: `asyncio.timeout`.
@inlinable
@discardableResult
public func withTimeout<T>(
    _ delay: Duration?, lateResult: LateResult = .keep, isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line, _ body: (Timeout) async throws -> T
) async throws -> T {
    try await withTimeout(
        TimeLimit(delay, lateResult, CreationSite(fileID: fileID, line: line)), isolation: isolation, body)
}

/// Runs `body`, and cancels it if it takes longer than `delay`.
///
/// This overload is for bodies that do not need the ``Timeout``. For the parameters and errors, see
/// ``withTimeout(_:lateResult:isolation:fileID:line:_:)-(_,_,_,_,_,(Timeout)->T)``.
///
/// - Throws: ``TimeoutError`` if the time limit ended the body; otherwise, the error that `body` throws, including
///   `CancellationError` if the current task is cancelled.
///
/// asyncio: `asyncio.timeout`.
@inlinable
@discardableResult
public func withTimeout<T>(
    _ delay: Duration?, lateResult: LateResult = .keep, isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line, _ body: () async throws -> T
) async throws -> T {
    try await withTimeout(
        TimeLimit(delay, lateResult, CreationSite(fileID: fileID, line: line)), isolation: isolation
    ) { _ in
        _ = isolation
        return try await body()
    }
}

/// Runs `body`, and cancels it if it has not ended by `deadline`.
///
/// - Parameters:
///   - deadline: An instant on the loop's clock (see ``EventLoop/now``), or `nil` for no limit.
///   - lateResult: An option for a body that returns a value or throws its own error after the deadline.
///   - body: A closure that receives the timeout. The closure can move the deadline of the timeout.
/// - Returns: The value that `body` returns.
/// - Throws: ``TimeoutError`` if the deadline ended the body; otherwise, the error that `body` throws, including
///   `CancellationError` if the current task is cancelled.
///
/// asyncio: `asyncio.timeout_at`.
@inlinable
@discardableResult
public func withTimeout<T>(
    until deadline: ContinuousClock.Instant?, lateResult: LateResult = .keep,
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
    _ body: (Timeout) async throws -> T
) async throws -> T {
    try await withTimeout(
        TimeLimit(until: deadline, lateResult, CreationSite(fileID: fileID, line: line)), isolation: isolation, body)
}

/// Runs `body`, and cancels it if it has not ended by `deadline`.
///
/// This overload is for bodies that do not need the ``Timeout``. For the parameters and errors, see
/// ``withTimeout(until:lateResult:isolation:fileID:line:_:)-(_,_,_,_,_,(Timeout)->T)``.
///
/// - Throws: ``TimeoutError`` if the deadline ended the body; otherwise, the error that `body` throws, including
///   `CancellationError` if the current task is cancelled.
///
/// asyncio: `asyncio.timeout_at`.
@inlinable
@discardableResult
public func withTimeout<T>(
    until deadline: ContinuousClock.Instant?, lateResult: LateResult = .keep,
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
    _ body: () async throws -> T
) async throws -> T {
    try await withTimeout(
        TimeLimit(until: deadline, lateResult, CreationSite(fileID: fileID, line: line)), isolation: isolation
    ) { _ in
        _ = isolation
        return try await body()
    }
}

@inlinable
func withTimeout<T>(
    _ limit: TimeLimit, isolation: isolated (any Actor)?, _ body: (Timeout) async throws -> T
) async throws -> T {
    try await withoutActuallyEscaping(body) { body in
        _ = isolation
        guard let task = runningTask() else {
            return try await adopted(isolation: isolation, site: limit.site) {
                _ = isolation
                return try await withTimeout(limit, isolation: isolation, body)
            }
        }
        let timeout = Timeout(limit, isNative: true)
        timeout.enter(task)
        let value: T
        do {
            value = try await onCarrier(of: task, isolation: isolation) {
                _ = isolation
                return try await body(timeout)
            }
        } catch {
            throw timeout.leave(error) ?? error
        }
        if let error = timeout.leave(nil) { throw error }
        return value
    }
}
