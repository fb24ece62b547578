/// Runs `body` to completion, for at most `timeout`, even if the current task is cancelled in the meantime. Use it for
/// cleanup that has to await.
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
/// The body runs as a task of its own, which starts at once. It can also await other libraries, even though the
/// surrounding task was cancelled.
///
/// - Parameters:
///   - timeout: How long the body may run before it is cancelled; `nil` for no limit.
///   - body: The cleanup.
/// - Returns: The value that `body` returns.
/// - Throws: The errors of `body`; ``TimeoutError`` if the time is up; `CancellationError`, once the body has ended, if
///   the task was cancelled in the meantime.
///
/// asyncio: `asyncio.shield`, awaited again after each cancellation.
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
            // An error of the body takes precedence over a cancellation.
            if !task.wasCancelled, let failure = try task.error() { throw failure }
            throw error
        }
        return try task.result()
    }
}
