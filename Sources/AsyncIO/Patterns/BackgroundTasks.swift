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
    private var tasks: [ObjectIdentifier: AnyAsyncTask] = [:]
    private let onError: ((any Error, AnyAsyncTask) -> Void)?

    /// - Parameter onError: who is told of a task that failed; nil for the loop's exception
    ///   handler.
    public init(onError: ((any Error, AnyAsyncTask) -> Void)? = nil) { self.onError = onError }

    /// How many have not ended.
    public var count: Int { tasks.count }

    /// Starts `body` as a task that is held until it ends.
    @discardableResult
    public func createTask<T>(
        name: String? = nil, isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID,
        line: UInt = #line, _ body: @escaping () async throws -> T
    ) -> AsyncTask<T> {
        let task = AsyncIO.createTask(name: name, isolation: isolation, fileID: fileID, line: line, body)
        tasks[ObjectIdentifier(task)] = task
        task.addDoneCallback { [self] in ended($0) }
        return task
    }

    private func ended(_ task: AnyAsyncTask) {
        tasks[ObjectIdentifier(task)] = nil
        guard !task.isCancelled, let error = task.takeError() else { return }
        if let onError { return onError(error, task) }
        EventLoop.report(
            ExceptionContext(
                message: "A background task failed", error: error, subject: task.description,
                location: task.site?.description))
    }

    /// Cancels all and waits for them, whatever is cancelled meanwhile.
    ///
    /// - Throws: `CancellationError`, once they have ended, if the current task was cancelled.
    public nonisolated(nonsending) func cancelAll() async throws {
        let left = Array(tasks.values)
        for task in left { task.cancel() }
        try await join(left)
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
        try await background.cancelAll()
        throw error
    }
    try await background.cancelAll()
    return value
}
