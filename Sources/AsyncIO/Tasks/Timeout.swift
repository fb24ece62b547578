/// A deadline that a body runs under; see ``withTimeout(_:isolation:fileID:line:_:)-(_,_,_,_,(Timeout)->T)``.
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

    @usableFromInline
    init(deadline: Int64?, isNative: Bool) {
        self.deadline = deadline
        self.isNative = isNative
    }

    /// The deadline on the clock of ``EventLoop/now``, or nil for none.
    ///
    /// asyncio: `Timeout.when`.
    public var when: ContinuousClock.Instant? { deadline.map { .init(loopTime: $0) } }

    /// Whether time ran out; also known after the body has ended.
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
        guard state == .expiring else {
            state = .finished
            return error
        }
        state = .expired
        let left = task?.uncancel() ?? 0
        return left <= baseline && error is CancellationError ? TimeoutError() : error
    }
}

/// Runs `body` and ends it when `delay` has passed; nil for no limit.
///
/// When time runs out, the body is cancelled where it waits, in this library or in
/// any other `async` code, and once it has ended, however long that takes,
/// `TimeoutError` is thrown in place of its `CancellationError`. A body that
/// finishes all the same keeps its value. Other cancellations pass through.
///
/// - Parameter body: gets the timeout, whose deadline it may move.
/// - Throws: ``TimeoutError``; and what the body throws.
///
/// asyncio: `asyncio.timeout`.
@inlinable
@discardableResult
public func withTimeout<T>(
    _ delay: Duration?, isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID,
    line: UInt = #line, _ body: (Timeout) async throws -> T
) async throws -> T {
    try await withTimeout(
        loopDeadline: timeoutDeadline(delay), isolation: isolation, fileID: fileID, line: line, body)
}

/// Runs `body` and ends it when `delay` has passed; nil for no limit.
///
/// The form for bodies that have no use for the ``Timeout`` itself.
@inlinable
@discardableResult
public func withTimeout<T>(
    _ delay: Duration?, isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID,
    line: UInt = #line, _ body: () async throws -> T
) async throws -> T {
    try await withTimeout(
        loopDeadline: timeoutDeadline(delay), isolation: isolation, fileID: fileID, line: line
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
    at deadline: ContinuousClock.Instant?, isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line, _ body: (Timeout) async throws -> T
) async throws -> T {
    try await withTimeout(
        loopDeadline: deadline.map(timeoutDeadline(at:)), isolation: isolation, fileID: fileID, line: line, body)
}

@inlinable
func withTimeout<T>(
    loopDeadline: Int64?, isolation: isolated (any Actor)?, fileID: StaticString, line: UInt,
    _ body: (Timeout) async throws -> T
) async throws -> T {
    try await withoutActuallyEscaping(body) { body in
        _ = isolation
        guard let task = runningTask() else {
            return try await adopted(isolation: isolation, fileID: fileID, line: line) {
                _ = isolation
                return try await withTimeout(
                    loopDeadline: loopDeadline, isolation: isolation, fileID: fileID, line: line, body)
            }
        }
        let timeout = Timeout(deadline: loopDeadline, isNative: true)
        timeout.enter(task)
        do {
            let value = try await onCarrier(of: task, isolation: isolation) {
                _ = isolation
                return try await body(timeout)
            }
            _ = timeout.leave(nil)
            return value
        } catch {
            throw timeout.leave(error) ?? error
        }
    }
}

@usableFromInline
func timeoutDeadline(_ delay: Duration?) -> Int64? {
    guard let delay else { return nil }
    return EventLoop.required(for: "withTimeout").time.advanced(by: delay)
}

@usableFromInline
func timeoutDeadline(at instant: ContinuousClock.Instant) -> Int64 { instant.loopTime }
