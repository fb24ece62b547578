/// Tasks that nobody waits for: held until they end, reported if they fail, and ended
/// together.
///
/// ```swift
/// try await withBackgroundTasks { background in
///     background.createTask { try await sendMetrics() }
///     try await serve()
/// } // what still runs is cancelled and waited for
/// ```
///
/// Unlike a task group, a task that fails does not end the others.
public final class BackgroundTasks {
    // Loop thread only.
    private var tasks = ChildList()
    /// How many have not ended.
    public private(set) var count = 0
    private let onError: ((any Error, AnyAsyncTask) -> Void)?

    /// - Parameter onError: who is told of a task that failed; nil for the loop's exception
    ///   handler.
    public init(onError: ((any Error, AnyAsyncTask) -> Void)? = nil) { self.onError = onError }

    /// Starts `body` as a task that is held until it ends.
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
        guard !task.isCancelled, let error = task.takeError() else { return }
        if let onError { return onError(error, task) }
        EventLoop.report(
            ExceptionContext(
                message: "A background task failed", error: error, subject: task.description, task: task.name,
                location: task.site?.description))
    }

    /// Cancels all and waits for them, whatever is cancelled meanwhile; those too that are
    /// started while they end.
    ///
    /// - Throws: `CancellationError`, once they have ended, if the current task was cancelled.
    public nonisolated(nonsending) func cancelAll() async throws {
        var cancellation: (any Error)?
        while case let left = tasks.all.filter({ !$0.isDone }), !left.isEmpty {
            do { try await cancelAndJoin(left) } catch { cancellation = error }
        }
        if let cancellation { throw cancellation }
    }
}

/// Runs `body` with a set of background tasks; cancels what still runs when it ends, and
/// waits for it.
///
/// - Throws: what `body` throws; `CancellationError`.
public func withBackgroundTasks<T>(
    onError: ((any Error, AnyAsyncTask) -> Void)? = nil, isolation: isolated (any Actor)? = #isolation,
    _ body: (BackgroundTasks) async throws -> T
) async throws -> T {
    let background = BackgroundTasks(onError: onError)
    let value: T
    do {
        value = try await body(background)
    } catch {
        // What the body failed with counts more than a cancellation while the tasks end.
        _ = try? await background.cancelAll()
        throw error
    }
    try await background.cancelAll()
    return value
}
