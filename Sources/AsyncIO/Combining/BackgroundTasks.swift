/// A set of tasks that run in the background. The set retains them until they end, reports their
/// errors, and can cancel them together.
///
/// ```swift
/// try await withBackgroundTasks { background in background.createTask { try await sendMetrics() } try await serve() }
/// // tasks that are still running are cancelled and awaited
/// ```
///
/// Unlike in a task group, a task that fails does not cancel the others.
public final class BackgroundTasks {
    // Loop thread only.
    private var tasks = ChildList()
    /// The number of tasks that have not ended.
    public private(set) var count = 0
    private let onError: ((any Error, AnyAsyncTask) -> Void)?

    /// Creates an empty set.
    ///
    /// - Parameter onError: Called with the error and the task when a task fails; `nil` to use the loop's exception
    ///   handler.
    public init(onError: ((any Error, AnyAsyncTask) -> Void)? = nil) { self.onError = onError }

    /// Starts a task that runs `body`, and retains it until it ends.
    ///
    /// A task that throws an error is reported as described in ``init(onError:)``. A cancelled task is not reported.
    ///
    /// - Returns: The task. Cancelling it does not affect the others.
    ///
    /// asyncio: `asyncio.create_task`, with a set that keeps a reference to the task.
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

    /// Cancels all tasks and waits until they have ended, including tasks that are started in the meantime.
    ///
    /// If the current task is cancelled, this method still waits until all tasks of the set have ended.
    ///
    /// - Throws: `CancellationError`, after all tasks have ended, if the current task was
    ///   cancelled.
    /// - Complexity: O(*n*) in the number of tasks.
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
///   - onError: Called with the error and the task when a task fails; `nil` to use the loop's exception handler.
///   - body: A closure that receives the set.
/// - Returns: The value that `body` returns.
/// - Throws: The errors of `body`; `CancellationError`, after all tasks have ended, if the current
///   task was cancelled.
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
