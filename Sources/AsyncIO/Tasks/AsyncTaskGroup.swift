/// Tasks that end together; see ``withAsyncTaskGroup(isolation:fileID:line:_:)``.
///
/// A group may be made before it is entered, so that others can hold it and cancel it;
/// see ``withAsyncTaskGroup(_:isolation:fileID:line:_:)``.
///
/// asyncio: `asyncio.TaskGroup`.
public final class AsyncTaskGroup {
    // Loop thread only: the class is not Sendable, and entering checks the thread.
    @safe @exclusivity(unchecked) var children = ChildList()
    @safe @exclusivity(unchecked) private var errors: [any Error] = []
    @safe @exclusivity(unchecked) private var parent: AnyAsyncTask?
    @safe @exclusivity(unchecked) private var isEntered = false
    /// The group was cancelled before it was entered.
    @safe @exclusivity(unchecked) private var isCancelledOnEnter = false
    /// The body has ended; its end waits for the children.
    @safe @exclusivity(unchecked) private var isExiting = false
    /// The children were cancelled; there will be no new ones.
    @safe @exclusivity(unchecked) private var isAborting = false
    /// This group asked its parent to cancel, and takes that back at the end.
    @safe @exclusivity(unchecked) private var hasCancelledParent = false
    /// What the end waits for.
    @safe @exclusivity(unchecked) private var allEnded: Waiter?

    /// How many of the tasks run at a time; nil for all of them.
    private let room: Semaphore?
    private let unwrapsSingleError: Bool

    /// A group to be entered once, with ``withAsyncTaskGroup(_:isolation:fileID:line:_:)``.
    public convenience init() { self.init(room: nil, unwrapsSingleError: false) }

    /// A group with more rules than asyncio's.
    ///
    /// - Parameters:
    ///   - limit: how many of its tasks run at a time; the others wait to begin, first come,
    ///     first served. Nil for no limit.
    ///   - unwrapsSingleError: whether an error that is the only one is thrown as it is, not
    ///     as an ``ExceptionGroup`` of one.
    /// - Throws: ``ValueError`` if the limit is less than 1.
    public convenience init(limit: Int?, unwrapsSingleError: Bool = false) throws(ValueError) {
        if let limit, limit < 1 { throw ValueError("a task group needs a limit of at least 1, not \(limit)") }
        self.init(room: try limit.map(Semaphore.init), unwrapsSingleError: unwrapsSingleError)
    }

    private init(room: Semaphore?, unwrapsSingleError: Bool) {
        self.room = room
        self.unwrapsSingleError = unwrapsSingleError
    }

    /// Starts `body` as a task of the group.
    ///
    /// - Throws: ``RuntimeError`` if the group was not entered, has ended, or is shutting
    ///   down; then the body never runs.
    ///
    /// asyncio: `TaskGroup.create_task`.
    @discardableResult
    public func createTask<T>(
        name: String? = nil,
        eager: Bool = false,
        isolation: isolated (any Actor)? = #isolation,
        fileID: StaticString = #fileID,
        line: UInt = #line,
        _ body: @escaping () async throws -> T
    ) throws(RuntimeError) -> AsyncTask<T> {
        guard isEntered else { throw RuntimeError("the task group has not been entered") }
        if isExiting, children.isEmpty { throw RuntimeError("the task group is finished") }
        if isAborting { throw RuntimeError("the task group is shutting down") }
        let task = AsyncIO.createTask(
            name: name, eager: eager, isolation: isolation, fileID: fileID, line: line,
            limited(isolation: isolation, body))
        adopt(task)
        return task
    }

    /// The body, which waits for room first if the group has a limit.
    private func limited<T>(
        isolation: isolated (any Actor)?, _ body: @escaping () async throws -> T
    ) -> () async throws -> T {
        guard let room else { return body }
        return {
            _ = isolation
            try await room.acquire()
            let value: T
            do {
                value = try await body()
            } catch let error where isCancellation(error) {
                try? room.release()
                throw error
            }
            // Any other error ends the group: who waits for room is cancelled, and must not
            // begin before that.
            try room.release()
            return value
        }
    }

    /// Ends the group early: cancels its tasks and its body, and lets
    /// `withAsyncTaskGroup` return as if the body had ended. Errors that come of it are
    /// thrown all the same. Before the group is entered, it is cancelled as soon as it is.
    /// Calling it again, or after the end, does nothing.
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

    private func adopt(_ task: AnyAsyncTask) {
        let child = children.append(task)
        task.onDone { [self] in childEnded(child, $0) }
        // The child may have ended the group in its first step.
        if isAborting, !task.isDone { task.cancel() }
    }

    private func childEnded(_ child: ChildList.Child, _ task: FutureBase) {
        children.remove(child)
        if children.isEmpty { allEnded?.complete() }
        guard !task.isCancelled, let error = task.takeError() else { return }
        errors.append(error)
        guard let parent, !parent.isDone else {
            return EventLoop.report(
                ExceptionContext(
                    message: "A task of a group failed after the group's parent had ended",
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
        // While the end waits for the children there is no foreign wait to end.
        _ = parent?.cancel(nil, isNative: !isExiting)
    }

    @usableFromInline
    func enter(_ task: AnyAsyncTask) throws(RuntimeError) {
        if isEntered { throw RuntimeError("the task group has already been entered") }
        isEntered = true
        parent = task
    }

    /// The body begins, on a carrier of its own, which a cancellation may reach.
    @usableFromInline
    func bodyBegins() {
        if isCancelledOnEnter { cancel() }
    }

    /// Waits for the children. The error to throw, if there is one: the body's own may
    /// be among others, or have been the group's doing.
    @usableFromInline
    nonisolated(nonsending) func leave(_ bodyError: (any Error)?) async -> (any Error)? {
        isExiting = true
        // What the parent saw: in the body or, while nothing was aborting, here; and last.
        let bodyError = bodyError.map { parent?.counted($0) ?? $0 }
        var cancellation = bodyError is CancellationError ? SeenCancellation(by: parent) : nil
        var latest: SeenCancellation?
        if bodyError != nil, !isAborting { abort() }
        while !children.isEmpty {
            let waiter = Waiter(for: "the tasks of its group", on: self)
            allEnded = waiter
            do {
                try await waiter.wait()
            } catch {
                latest = SeenCancellation(by: parent)
                if !isAborting {
                    cancellation = latest
                    abort()
                }
            }
            allEnded = nil
        }
        defer { parent = nil }
        if hasCancelledParent {
            if parent?.uncancel() == 0 {
                cancellation = nil
            } else if cancellation == nil {
                // Somebody else's request is left.
                cancellation = latest
            }
        }
        if let cancellation, errors.isEmpty {
            parent?.deliveredMessage = cancellation.message
            return CancellationError()
        }
        if let bodyError, !(bodyError is CancellationError) { errors.append(bodyError) }
        guard !errors.isEmpty else { return nil }
        if let parent, parent.cancelling > 0 {
            // Somebody else cancelled too: the next wait shall tell.
            parent.uncancel()
            _ = parent.cancel(nil, isNative: false)
        }
        let group = ExceptionGroup("unhandled errors in a TaskGroup", errors)
        return unwrapsSingleError ? group.unwrapped : group
    }
}

/// A cancellation that a task saw, with its message, which later ones replace.
private struct SeenCancellation {
    let message: String?

    init(by task: AnyAsyncTask?) { message = task?.deliveredMessage }
}

/// Runs `body` with a group that it may start tasks in, and waits for them all.
///
/// The first task that fails cancels the others and the body; when all have ended, their
/// errors are thrown together. A task that ends cancelled does not count.
///
/// ```swift
/// try await withAsyncTaskGroup { group in
///     for url in urls { try group.createTask { try await fetch(url) } }
/// }
/// ```
///
/// - Returns: what the body returned; nil if ``AsyncTaskGroup/cancel()`` ended it before
///   it could.
/// - Throws: ``ExceptionGroup`` with the errors of the tasks, in the order they came, and
///   the body's own last; `CancellationError` if the current task was cancelled.
///
/// asyncio: `async with asyncio.TaskGroup()`.
@inlinable
@discardableResult
public func withAsyncTaskGroup<T>(
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
    _ body: (AsyncTaskGroup) async throws -> T
) async throws -> T? {
    let group = AsyncTaskGroup()
    return try await withAsyncTaskGroup(group, isolation: isolation, fileID: fileID, line: line) {
        _ = isolation
        return try await body(group)
    }
}

/// Runs `body` with a group that has more rules than asyncio's; see
/// ``AsyncTaskGroup/init(limit:unwrapsSingleError:)``.
///
/// ```swift
/// try await withAsyncTaskGroup(limit: 10) { group in
///     for url in urls { try group.createTask { try await fetch(url) } }
/// }
/// ```
@inlinable
@discardableResult
public func withAsyncTaskGroup<T>(
    limit: Int?, unwrapsSingleError: Bool = false, isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line, _ body: (AsyncTaskGroup) async throws -> T
) async throws -> T? {
    let group = try AsyncTaskGroup(limit: limit, unwrapsSingleError: unwrapsSingleError)
    return try await withAsyncTaskGroup(group, isolation: isolation, fileID: fileID, line: line) {
        _ = isolation
        return try await body(group)
    }
}

/// Runs `body` with a group that was made before, and may have been handed to others,
/// who may cancel it.
///
/// - Throws: what ``withAsyncTaskGroup(isolation:fileID:line:_:)`` throws; ``RuntimeError`` if the
///   group was entered before.
///
/// asyncio: `async with group`.
@inlinable
@discardableResult
public func withAsyncTaskGroup<T>(
    _ group: AsyncTaskGroup, isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID,
    line: UInt = #line, _ body: () async throws -> T
) async throws -> T? {
    try await withoutActuallyEscaping(body) { body in
        _ = isolation
        guard let task = runningTask() else {
            return try await adopted(isolation: isolation, site: CreationSite(fileID: fileID, line: line)) {
                _ = isolation
                return try await withAsyncTaskGroup(
                    group, isolation: isolation, fileID: fileID, line: line, body)
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
            return nil
        }
    }
}
