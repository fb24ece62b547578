/// What becomes of a body that ends by itself after its time has run out: of one that was
/// cancelled and returned a value all the same, or threw an error of its own.
public enum LateResult: Sendable {
    /// The value is returned, or the error thrown, as in asyncio: nothing is lost. Whether
    /// time ran out, ``Timeout/isExpired`` tells.
    case keep
    /// ``TimeoutError`` is thrown, however the body ended. A value is dropped, so this is not for
    /// bodies that return what has to be closed; an error is the ``TimeoutError/underlyingError``.
    case discard
}

/// How long a body may take, as the program has said it.
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
    init(at deadline: ContinuousClock.Instant?, _ lateResult: LateResult, _ site: CreationSite) {
        duration = nil
        self.deadline = deadline?.loopTime
        self.site = site
        self.lateResult = lateResult
    }

    /// The error of one whose deadline was never moved.
    func error(_ underlyingError: (any Error)? = nil) -> TimeoutError {
        TimeoutError(
            limit: duration, deadline: deadline.map { .init(loopTime: $0) }, site: site,
            underlyingError: underlyingError)
    }
}

/// A deadline that a body runs under; see
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
    /// The task's count of requests when the body began.
    @safe @exclusivity(unchecked) private var baseline = 0
    /// Whether the body may wait for foreign code; see onCarrier.swift.
    private let isNative: Bool
    private let limit: TimeLimit

    @usableFromInline
    init(_ limit: TimeLimit, isNative: Bool) {
        self.limit = limit
        deadline = limit.deadline
        self.isNative = isNative
    }

    /// The deadline on the clock of ``EventLoop/now``, or nil for none.
    ///
    /// asyncio: `Timeout.when`.
    public var when: ContinuousClock.Instant? { deadline.map { .init(loopTime: $0) } }

    /// Whether time ran out; also known after the body has ended.
    ///
    /// A body that waits for another library may end without an error when it is cancelled: a
    /// loop over an `AsyncStream` ends as if the stream had. Look at this after such a wait, or
    /// pass ``LateResult/discard``.
    ///
    /// asyncio: `Timeout.expired`.
    public var isExpired: Bool { state == .expiring || state == .expired }

    /// Moves the deadline; nil takes it away. One that has passed already ends the
    /// body at its next wait.
    ///
    /// - Throws: ``RuntimeError`` if the body has ended, or time has run out.
    ///
    /// asyncio: `Timeout.reschedule`.
    public func reschedule(to when: ContinuousClock.Instant?) throws(RuntimeError) {
        guard state == .active else {
            throw RuntimeError(
                state == .created
                    ? "The timeout has not been entered" : "Cannot change the deadline of a timeout that is \(state)")
        }
        deadline = when?.loopTime
        arm()
    }

    // MARK: Inside

    /// The body begins.
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
        let action = Handle.Action.callback { [unowned self] in expire() }
        if deadline <= loop.time {
            let handle = Handle(action)
            loop.ready.append(.handle(handle))
            self.handle = handle
        } else {
            handle = loop.schedule(action, at: deadline)
        }
    }

    private func expire() {
        state = .expiring
        handle = nil
        _ = task?.cancel(nil, isNative: isNative)
    }

    /// The body has ended. The error to throw in place of its own, if there is one.
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

/// Runs `body` and ends it when `delay` has passed; nil for no limit.
///
/// When time runs out, the body is cancelled where it waits, in this library or in
/// any other `async` code, and once it has ended, however long that takes,
/// `TimeoutError` is thrown in place of its `CancellationError`, or of an error that means one;
/// see ``registerCancellationError(_:where:)``. A body that finishes all the same keeps its
/// value, unless `lateResult` is ``LateResult/discard``. Other cancellations pass through.
///
/// ```swift
/// try await withTimeout(.seconds(5)) { timeout in
///     for await event in events { show(event) }
///     if timeout.isExpired { print("there may be more") }
/// }
/// ```
///
/// - Parameters:
///   - delay: how long the body may take.
///   - lateResult: what becomes of a body that returns, or throws an error of its own, after
///     time has run out.
///   - body: gets the timeout, whose deadline it may move.
/// - Throws: ``TimeoutError``; and what the body throws.
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

/// Runs `body` and ends it when `delay` has passed; nil for no limit.
///
/// The form for bodies that have no use for the ``Timeout`` itself.
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

/// Runs `body` and ends it at `deadline`, an instant on the clock of
/// ``EventLoop/now``; nil for no limit.
///
/// asyncio: `asyncio.timeout_at`.
@inlinable
@discardableResult
public func withTimeout<T>(
    at deadline: ContinuousClock.Instant?, lateResult: LateResult = .keep,
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
    _ body: (Timeout) async throws -> T
) async throws -> T {
    try await withTimeout(
        TimeLimit(at: deadline, lateResult, CreationSite(fileID: fileID, line: line)), isolation: isolation, body)
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
