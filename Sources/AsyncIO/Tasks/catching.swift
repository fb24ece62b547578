/// Runs `body` and handles errors of one type, including errors in an ``ExceptionGroup`` that `body` throws.
///
/// ```swift
/// try await catching(HTTPError.self) {
///     try await withAsyncTaskGroup { group in … }
/// } handler: { errors in
///     log("\(errors.count) requests failed")
/// }
/// ```
///
/// The handler receives all errors of the type together, in the order in which they occurred, regardless of how deeply
/// the groups are nested. After the handler returns, the other errors of the group are thrown. To handle several types,
/// nest calls to this function. The function never catches the cancellation of the current task.
///
/// - Parameters:
///   - type: The type of the errors to handle.
///   - body: The work to perform.
///   - handler: A closure that receives at least one error. The closure can throw an error.
/// - Returns: The value that `body` returns, or `nil` if `body` threw an error and all errors were handled.
/// - Throws: The errors of other types, in a group if `body` threw a group; the error that `handler` throws, in a group
///   with the errors of other types, if any; `CancellationError` if the task is cancelled.
/// - Complexity: O(*n*), where *n* is the number of errors.
///
/// Python: `except*`. anyio: `exceptiongroup.catch`.
@discardableResult
public func catching<E: Error, T>(
    _ type: E.Type, _ body: nonisolated(nonsending) () async throws -> T,
    handler: nonisolated(nonsending) (_ errors: [E]) async throws -> Void
) async throws -> T? {
    do {
        return try await body()
    } catch let error where isCancellation(error) {
        throw error
    } catch let group as ExceptionGroup {
        let parts = group.split { $0 is E }
        guard let matching = parts.matching else { throw group }
        do {
            try await handler(matching.flattened.compactMap { $0 as? E })
        } catch {
            guard let rest = parts.rest else { throw error }
            throw ExceptionGroup(group.message, [error] + rest.errors)
        }
        if let rest = parts.rest { throw rest }
    } catch let error as E {
        try await handler([error])
    }
    return nil
}
