/// What can be held for the length of a block.
///
/// asyncio: the `async with` of locks, conditions and semaphores.
public protocol ScopedLocking: AnyObject {
    nonisolated(nonsending) func acquire() async throws
    func release() throws
}

extension ScopedLocking {
    /// Acquires, runs `body`, and releases, whatever comes.
    ///
    /// - Throws: what `body` throws; `CancellationError` while waiting; what `release()`
    ///   throws if the body released it itself, and did not fail.
    @inlinable
    public nonisolated(nonsending) func withLock<T>(
        _ body: nonisolated(nonsending) () async throws -> T
    ) async throws -> T {
        try await acquire()
        let value: T
        do {
            value = try await body()
        } catch {
            // What the body failed with counts more than that it has released already.
            try? release()
            throw error
        }
        try release()
        return value
    }
}

extension Lock: ScopedLocking {}
extension Condition: ScopedLocking {}
extension Semaphore: ScopedLocking {}
