/// A group of tasks that are awaited together; see ``withAsyncTaskGroup(isolation:fileID:line:_:)``.
///
/// You can create a group before you enter it, so that other code can store and cancel the group; see
/// ``withAsyncTaskGroup(_:isolation:fileID:line:_:)``.
///
/// asyncio: `asyncio.TaskGroup`.
public final class AsyncTaskGroup {
    // Loop thread only: the class is not Sendable, and entering checks the thread.
    @safe @exclusivity(unchecked) var children = ChildList()
    @safe @exclusivity(unchecked) private var errors: [any Error] = []
    @safe @exclusivity(unchecked) private var parent: AnyAsyncTask?
    @safe @exclusivity(unchecked) private var isEntered = false
    /// Whether the group was cancelled before it was entered.
    @safe @exclusivity(unchecked) private var isCancelledOnEnter = false
    /// Whether the body has ended and the group is waiting for its tasks.
    @safe @exclusivity(unchecked) private var isExiting = false
    /// Whether the tasks were cancelled and the group accepts no new tasks.
    @safe @exclusivity(unchecked) private var isAborting = false
    /// Whether the group has requested cancellation of its parent task. The group withdraws the request when it ends.
    @safe @exclusivity(unchecked) private var hasCancelledParent = false
    /// The waiter that is completed when all tasks have ended.
    @safe @exclusivity(unchecked) private var allEnded: Waiter?

    /// The slots that limit how many tasks run at the same time, or nil for no limit.
    private let slots: Slots?
    private let unwrapsSingleError: Bool

    /// Creates a group. You can enter the group only once; see ``withAsyncTaskGroup(_:isolation:fileID:line:_:)``.
    ///
    /// asyncio: `asyncio.TaskGroup()`.
    public convenience init() { self.init(slots: nil, unwrapsSingleError: false) }

    /// Creates a group with options that asyncio's groups do not have.
    ///
    /// - Parameters:
    ///   - limit: The maximum number of tasks that run at the same time, or `nil` for no limit. Additional tasks wait,
    ///     and start in the order in which they were created.
    ///   - unwrapsSingleError: Whether a single error is thrown directly instead of in an ``ExceptionGroup``.
    /// - Precondition: The limit is at least 1. For a limit that is known only at run time, use
    ///   ``init(validatingLimit:unwrapsSingleError:)``.
    ///
    /// asyncio: none.
    public convenience init(limit: Int?, unwrapsSingleError: Bool = false) {
        if let limit, limit < 1 { stop(AsyncTaskGroup.message(limit), instead: "AsyncTaskGroup(validatingLimit:)") }
        self.init(slots: limit.map { Slots($0) }, unwrapsSingleError: unwrapsSingleError)
    }

    /// Creates a group with a limit that is known only at run time; see ``init(limit:unwrapsSingleError:)``.
    ///
    /// - Throws: ``ValueError`` if the limit is less than 1.
    public convenience init(validatingLimit limit: Int?, unwrapsSingleError: Bool = false) throws(ValueError) {
        if let limit, limit < 1 { throw ValueError(AsyncTaskGroup.message(limit)) }
        self.init(limit: limit, unwrapsSingleError: unwrapsSingleError)
    }

    private static func message(_ limit: Int) -> String { "limit must be at least 1, got \(limit)" }

    private init(slots: Slots?, unwrapsSingleError: Bool) {
        self.slots = slots
        self.unwrapsSingleError = unwrapsSingleError
    }

    /// Starts `body` as a task of the group.
    ///
    /// - Parameters:
    ///   - name: The name of the task in reports, or `nil` for the default name `Task-N`.
    ///   - eager: Whether the task starts immediately; see ``createTask(name:eager:isolation:fileID:line:_:)``.
    ///   - body: The body of the task.
    /// - Returns: The task.
    /// - Throws: ``RuntimeError`` if the group has not been entered, has ended, or is shutting down. In these cases,
    ///   the body does not run.
    ///
    /// asyncio: `TaskGroup.create_task`.
    @inlinable
    @discardableResult
    public func createTask<T>(
        name: String? = nil,
        eager: Bool = false,
        isolation: isolated (any Actor)? = #isolation,
        fileID: StaticString = #fileID,
        line: UInt = #line,
        _ body: @escaping () async throws -> T
    ) throws(RuntimeError) -> AsyncTask<T> {
        if isolation == nil, let home = LoopHome.ofThisThread {
            // SAFETY: the caller and the task run on this thread.
            nonisolated(unsafe) let (group, body) = (self, body)
            return try home.assume { home in
                Result { () throws(RuntimeError) in
                    try unsafe group.createTask(
                        name: name, eager: eager, isolation: home, fileID: fileID, line: line, body)
                }
            }.get()
        }
        try checkCanCreateTask()
        let task = AsyncIO.createTask(
            name: name, eager: eager, isolation: isolation, fileID: fileID, line: line,
            hasLimit ? limited(isolation: isolation, body) : body)
        adopt(task)
        return task
    }

    @usableFromInline
    func checkCanCreateTask() throws(RuntimeError) {
        guard isEntered else { throw RuntimeError("the task group has not been entered") }
        if isExiting, children.isEmpty { throw RuntimeError("the task group is finished") }
        if isAborting { throw RuntimeError("the task group is shutting down") }
    }

    @usableFromInline var hasLimit: Bool { slots != nil }

    /// Returns `body` if the group has no limit. Otherwise, returns a closure that waits for a slot before it runs
    /// `body`.
    @usableFromInline
    func limited<T>(
        isolation: isolated (any Actor)?, _ body: @escaping () async throws -> T
    ) -> () async throws -> T {
        guard let slots else { return body }
        return { [self] in
            _ = isolation
            try await slots.take(for: "a slot of its group", on: self)
            let value: T
            do {
                value = try await body()
            } catch let error where isCancellation(error) {
                slots.release()
                throw error
            }
            // If the body throws any other error, the slot is not released. The error ends the group, which cancels the
            // tasks that are waiting for a slot. These tasks must not start before they are cancelled.
            slots.release()
            return value
        }
    }

    /// Cancels the tasks and the body of the group. After they have ended, `withAsyncTaskGroup` returns as if the body
    /// had ended normally. If `withAsyncTaskGroup` must return a value but the cancelled body did not return one,
    /// `withAsyncTaskGroup` throws `CancellationError`. All other errors of the tasks and the body are still thrown. If
    /// the group has not been entered yet, it is cancelled when it is entered. If the group has already been cancelled
    /// or has ended, this method does nothing.
    ///
    /// - Complexity: O(*n*), where *n* is the number of unfinished tasks in the group.
    ///
    /// asyncio: `TaskGroup.cancel` (3.15).
    public func cancel() {
        guard isEntered else {
            isCancelledOnEnter = true
            return
        }
        if isExiting, children.isEmpty { return }
        guard !isAborting else { return }
        abort()
        cancelParent()
    }

    // MARK: Inside

    @usableFromInline
    func adopt(_ task: AnyAsyncTask) {
        let child = children.append(task)
        task.onDone { [self] in childEnded(child, $0) }
        // The child may have ended the group in its first step.
        if isAborting, !task.isDone { task.cancel() }
    }

    private func childEnded(_ child: ChildList.Child, _ task: FutureBase) {
        children.remove(child)
        if children.isEmpty { allEnded?.complete() }
        guard !task.wasCancelled, let error = task.takeError() else { return }
        errors.append(error)
        guard let parent, !parent.isDone else {
            return EventLoop.report(
                ExceptionContext(
                    message: "A task of a group failed after the group's parent task had ended",
                    error: error, subject: task.description, task: (task as? AnyAsyncTask)?.name))
        }
        if !isAborting, !hasCancelledParent {
            abort()
            cancelParent()
        }
    }

    private func abort() {
        isAborting = true
        for task in children.all where !task.isDone { task.cancel() }
    }

    private func cancelParent() {
        guard !hasCancelledParent else { return }
        hasCancelledParent = true
        // While the group waits for its tasks, the parent has no foreign wait to end.
        _ = parent?.cancel(nil, isNative: !isExiting)
    }

    @usableFromInline
    func enter(_ task: AnyAsyncTask) throws(RuntimeError) {
        if isEntered { throw RuntimeError("the task group has already been entered") }
        isEntered = true
        parent = task
    }

    /// Cancels the group if it was cancelled before it was entered. This method is called on the body's carrier when
    /// the body begins, so that the cancellation reaches that carrier.
    @usableFromInline
    func bodyBegins() {
        if isCancelledOnEnter { cancel() }
    }

    /// Waits for the tasks and returns the error to throw, if any. The returned error can differ from `bodyError`,
    /// because tasks may also have failed, or the group itself may have cancelled the body.
    @usableFromInline
    func leave(_ bodyError: (any Error)?) async -> (any Error)? {
        isExiting = true
        // `cancellation` is the cancellation that the parent received in the body, or here before the group was
        // aborted. `latest` is the most recent cancellation.
        let bodyError = bodyError.map { parent?.counted($0) ?? $0 }
        var cancellation = (bodyError as? CancellationError).map(HeldCancellation.init)
        if bodyError != nil, !isAborting { abort() }
        let latest = await shielded { _ in
            while !children.isEmpty {
                let waiter = Waiter(for: "the tasks of its group", on: self)
                allEnded = waiter
                defer { allEnded = nil }
                try await waiter.wait()
            }
        } onCancel: { held in
            guard !isAborting else { return }
            cancellation = held
            abort()
        }
        defer { parent = nil }
        if hasCancelledParent {
            if parent?.uncancel() == 0 {
                cancellation = nil
            } else if cancellation == nil {
                // Another request to cancel remains.
                cancellation = latest
            }
        }
        if let cancellation, errors.isEmpty {
            return cancellation.delivered()
        }
        if let bodyError, !(bodyError is CancellationError) { errors.append(bodyError) }
        guard !errors.isEmpty else { return nil }
        if let parent, parent.cancelling > 0 {
            // The task was also cancelled from elsewhere. Its next wait throws that cancellation.
            parent.uncancel()
            _ = parent.cancel(nil, isNative: false)
        }
        let group = ExceptionGroup("unhandled errors in a TaskGroup", errors)
        return unwrapsSingleError ? group.unwrapped : group
    }
}

extension AsyncTaskGroup: AwaitingOthers {
    var awaited: [FutureBase] { children.all }
}

/// Runs `body` with a group that can start tasks, and waits for all tasks of the group.
///
/// When a task fails, the other tasks and the body are cancelled. After all tasks and the body have ended, their errors
/// are thrown together. A cancelled task does not count as a failed task.
///
/// ```swift
/// try await withAsyncTaskGroup { group in
///     for url in urls { try group.createTask { try await fetch(url) } }
/// }
/// ```
///
/// - Parameter body: A closure that receives the group.
/// - Returns: The value that `body` returned.
/// - Throws: An ``ExceptionGroup`` with the errors of the tasks, in the order in which they occurred, followed by the
///   error of the body; `CancellationError` if the current task is cancelled. In that case, the tasks and the body are
///   cancelled, and the error is thrown after they have ended. This function also throws `CancellationError` if
///   ``AsyncTaskGroup/cancel()`` ended the body and there is no value to return.
///
/// asyncio: `async with asyncio.TaskGroup()`.
@inlinable
@discardableResult
public func withAsyncTaskGroup<T>(
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
    _ body: (AsyncTaskGroup) async throws -> T
) async throws -> T {
    let group = AsyncTaskGroup()
    return try await enter(group, isolation: isolation, fileID: fileID, line: line) {
        _ = isolation
        return try await body(group)
    }
}

/// Runs `body` with a group that limits how many tasks run at the same time. For the parameters, see
/// ``AsyncTaskGroup/init(limit:unwrapsSingleError:)``.
///
/// ```swift
/// try await withAsyncTaskGroup(limit: 10) { group in
///     for url in urls { try group.createTask { try await fetch(url) } }
/// }
/// ```
///
/// - Returns: The value that `body` returned.
/// - Throws: The same errors as ``withAsyncTaskGroup(isolation:fileID:line:_:)``, including `CancellationError`; a
///   single error without a group if `unwrapsSingleError` is `true`; ``ValueError`` if the limit is less than 1.
///
/// asyncio: none; the closest equivalent is `asyncio.TaskGroup` with an `asyncio.Semaphore`.
@inlinable
@discardableResult
public func withAsyncTaskGroup<T>(
    limit: Int?, unwrapsSingleError: Bool = false, isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line, _ body: (AsyncTaskGroup) async throws -> T
) async throws -> T {
    let group = try AsyncTaskGroup(validatingLimit: limit, unwrapsSingleError: unwrapsSingleError)
    return try await enter(group, isolation: isolation, fileID: fileID, line: line) {
        _ = isolation
        return try await body(group)
    }
}

/// Runs `body` with an existing group, which other code can store and cancel.
///
/// - Returns: The value that `body` returned.
/// - Throws: The same errors as ``withAsyncTaskGroup(isolation:fileID:line:_:)``, including `CancellationError`;
///   ``RuntimeError`` if the group has already been entered.
///
/// asyncio: `async with group`.
@inlinable
@discardableResult
public func withAsyncTaskGroup<T>(
    _ group: AsyncTaskGroup, isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID,
    line: UInt = #line, _ body: () async throws -> T
) async throws -> T {
    try await enter(group, isolation: isolation, fileID: fileID, line: line, body)
}

@inlinable
func enter<T>(
    _ group: AsyncTaskGroup, isolation: isolated (any Actor)?, fileID: StaticString, line: UInt,
    _ body: () async throws -> T
) async throws -> T {
    try await withoutActuallyEscaping(body) { body in
        _ = isolation
        guard let task = runningTask() else {
            return try await adopted(isolation: isolation, site: CreationSite(fileID: fileID, line: line)) {
                _ = isolation
                return try await enter(group, isolation: isolation, fileID: fileID, line: line, body)
            }
        }
        try group.enter(task)
        let result: Result<T, any Error>
        do {
            result = .success(
                try await onCarrier(of: task, isolation: isolation) {
                    _ = isolation
                    group.bodyBegins()
                    return try await body()
                })
        } catch {
            result = .failure(error)
        }
        switch result {
        case .success(let value):
            if let error = await group.leave(nil) { throw error }
            return value
        case .failure(let bodyError):
            if let error = await group.leave(bodyError) { throw error }
            // `cancel()` has ended the body. As in asyncio, this is not an error unless the group must return a value.
            guard let nothing = () as? T else { throw CancellationError() }
            return nothing
        }
    }
}

// These are the same functions for bodies that return no value. Without them, the compiler rejects
// `AsyncIO.main { try await withAsyncTaskGroup { try $0.createTask { } } }`. The outer closure returns no value, so the
// compiler expects the same of the inner closure, whose only expression is a task.

@_documentation(visibility: internal)
@inlinable
public func withAsyncTaskGroup(
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
    _ body: (AsyncTaskGroup) async throws -> Void
) async throws {
    let group = AsyncTaskGroup()
    try await enter(group, isolation: isolation, fileID: fileID, line: line) {
        _ = isolation
        try await body(group)
    }
}

@_documentation(visibility: internal)
@inlinable
public func withAsyncTaskGroup(
    limit: Int?, unwrapsSingleError: Bool = false, isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line, _ body: (AsyncTaskGroup) async throws -> Void
) async throws {
    let group = try AsyncTaskGroup(validatingLimit: limit, unwrapsSingleError: unwrapsSingleError)
    try await enter(group, isolation: isolation, fileID: fileID, line: line) {
        _ = isolation
        try await body(group)
    }
}

@_documentation(visibility: internal)
@inlinable
public func withAsyncTaskGroup(
    _ group: AsyncTaskGroup, isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID,
    line: UInt = #line, _ body: () async throws -> Void
) async throws {
    try await enter(group, isolation: isolation, fileID: fileID, line: line, body)
}
