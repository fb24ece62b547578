/// A set of tasks that run in the background. The set retains each task until the task ends, reports the errors of the
/// tasks, and can cancel all tasks together.
///
/// ```swift
/// try await withBackgroundTasks { background in background.createTask { try await sendMetrics() } try await serve() }
/// // tasks that are still running are cancelled and awaited
/// ```
///
/// Unlike in a task group, the failure of a task does not cancel the other tasks.
public final class BackgroundTasks {
    // Loop thread only.
    private var tasks = ChildList()
    /// The number of tasks that have not ended.
    public private(set) var count = 0
    private let onError: ((any Error, AnyAsyncTask) -> Void)?

    /// Creates an empty set.
    ///
    /// - Parameter onError: A function that is called with the error and the task when a task fails, or `nil` to use
    ///   the loop's exception handler.
    public init(onError: ((any Error, AnyAsyncTask) -> Void)? = nil) { self.onError = onError }

    /// Starts a task that runs `body`, and retains the task until it ends.
    ///
    /// If the task fails, the error is reported as described in ``init(onError:)``. A cancellation is not reported.
    ///
    /// - Returns: The task. If you cancel it, the other tasks are not affected.
    ///
    /// asyncio: `asyncio.create_task`, with a set that holds a reference to the task.
    @discardableResult
    public func createTask<T>(
        name: String? = nil, isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID,
        line: UInt = #line, _ body: @escaping () async throws -> T
    ) -> AsyncTask<T> {
        let task = AsyncIO.createTask(name: name, isolation: isolation, fileID: fileID, line: line, body)
        let child = tasks.append(task)
        count += 1
        task.addDoneCallback { [self] _ in ended(child) }
        return task
    }

    private func ended(_ child: ChildList.Child) {
        tasks.remove(child)
        count -= 1
        let task = child.task
        guard !task.wasCancelled, let error = task.takeError() else { return }
        if let onError { return onError(error, task) }
        EventLoop.report(
            ExceptionContext(
                message: "A background task failed", error: error, subject: task.description, task: task.name,
                location: task.site?.description))
    }

    /// Cancels all tasks and waits until they have ended, including tasks that are started during this call.
    ///
    /// This method waits until all tasks of the set have ended, even if the current task is cancelled.
    ///
    /// - Throws: `CancellationError` if the current task is cancelled. The error is thrown after all tasks have ended.
    /// - Complexity: O(*n*), where *n* is the number of tasks.
    public func cancelAll() async throws {
        var cancellation: (any Error)?
        while case let left = tasks.all.filter({ !$0.isDone }), !left.isEmpty {
            do { try await cancelAndJoin(left) } catch { cancellation = error }
        }
        if let cancellation { throw cancellation }
    }
}

/// Runs `body` with a set of background tasks. When `body` returns or throws, this function cancels the tasks that are
/// still running and waits for them.
///
/// - Parameters:
///   - onError: A function that is called with the error and the task when a task fails, or `nil` to use the loop's
///     exception handler.
///   - body: A closure that receives the set.
/// - Returns: The value that `body` returns.
/// - Throws: The error that `body` throws; `CancellationError` if the current task is cancelled. The error is thrown
///   after all tasks have ended.
public func withBackgroundTasks<T>(
    onError: ((any Error, AnyAsyncTask) -> Void)? = nil, isolation: isolated (any Actor)? = #isolation,
    _ body: (BackgroundTasks) async throws -> T
) async throws -> T {
    let background = BackgroundTasks(onError: onError)
    let value: T
    do {
        value = try await body(background)
    } catch {
        // An error of the body takes precedence over a cancellation while the tasks end.
        _ = try? await background.cancelAll()
        throw error
    }
    try await background.cancelAll()
    return value
}
