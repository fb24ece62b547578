/// Runs `body` whatever is cancelled meanwhile, for `timeout` at most: for clean-up that
/// has to await.
///
/// ```swift
/// do {
///     try await work()
/// } catch is CancellationError {
///     try await withCleanup(timeout: .seconds(5)) { try await connection.sayGoodbye() }
///     throw CancellationError()
/// }
/// ```
///
/// The body runs as a task of its own, which starts at once; foreign waits in it work too,
/// though the task around it was cancelled.
///
/// - Parameter timeout: after which the body is cancelled; nil for no limit.
/// - Throws: what `body` throws; ``TimeoutError``; `CancellationError`, once the body has
///   ended, if the task was cancelled meanwhile.
public func withCleanup<T>(
    timeout: Duration?, isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID,
    line: UInt = #line, _ body: () async throws -> T
) async throws -> T {
    try await withoutActuallyEscaping(body) { body in
        _ = isolation
        let task = createTask(name: "clean-up", eager: true, isolation: isolation, fileID: fileID, line: line) {
            _ = isolation
            return try await withTimeout(timeout, isolation: isolation) {
                _ = isolation
                return try await body()
            }
        }
        do { try await join([task]) } catch {
            // What the body failed with counts more than a cancellation meanwhile.
            if !task.isCancelled, let failure = try task.error() { throw failure }
            throw error
        }
        return try task.result()
    }
}
