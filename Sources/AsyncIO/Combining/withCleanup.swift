/// Runs `body`, for at most `timeout`, even if the current task is cancelled in the meantime. Use this function for
/// asynchronous cleanup.
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
/// The body runs as a separate task, which starts immediately. The body can also wait for code in other libraries, even
/// if the surrounding task was cancelled.
///
/// - Parameters:
///   - timeout: The maximum duration of the body, or `nil` for no limit. After this time, the body is cancelled.
///   - body: The cleanup to perform.
/// - Returns: The value that `body` returns.
/// - Throws: The error that `body` throws; ``TimeoutError`` if `body` exceeds the timeout; `CancellationError` if the
///   task is cancelled in the meantime. The `CancellationError` is thrown after the body has ended.
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
