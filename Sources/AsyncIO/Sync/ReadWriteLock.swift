/// A lock that either several readers or one writer can hold at the same time.
///
/// ```swift
/// let lock = ReadWriteLock()
/// let price = try await lock.withReadLock { try await table.look(up: item) }
/// try await lock.withWriteLock { try await table.replace(with: update) }
/// ```
///
/// The lock is fair. Tasks acquire the lock in the order in which they request it, except that consecutive readers hold
/// the lock together. A writer waits only for tasks that requested the lock earlier, so readers cannot starve a writer.
///
/// The lock is not reentrant. If a task that holds the lock for reading requests the lock again, a deadlock can occur,
/// because a writer may have requested the lock in the meantime. Acquiring a free lock does not suspend. Acquiring the
/// lock for reading also does not suspend if only readers hold the lock and no writer is waiting.
///
/// asyncio: none. tokio: `RwLock`.
public final class ReadWriteLock {
    // Loop thread only. All tasks pass through the entrance in the order in which they came. A reader leaves the
    // entrance at once. A writer stays in it: there it waits for the readers before it, and holds up all tasks behind
    // it.
    private let entrance = Lock()
    private let departures = WaitQueue()

    /// The number of tasks that hold the lock for reading.
    public private(set) var readerCount = 0

    /// Whether a task holds the lock for writing.
    public private(set) var isWriteLocked = false

    /// Creates an unlocked lock.
    public init() {}

    // MARK: Reading

    /// Waits until no task holds the lock for writing and no earlier task is waiting to write, and then acquires the
    /// lock for reading.
    ///
    /// - Throws: `CancellationError` if the task is cancelled while it waits. In that case, the lock is not acquired.
    ///
    /// tokio: `RwLock::read`.
    public func acquireRead() async throws {
        try await entrance.acquire()
        readerCount += 1
        try entrance.release()
    }

    /// Releases the lock after reading.
    ///
    /// - Throws: ``RuntimeError`` if no task holds the lock for reading.
    public func releaseRead() throws(RuntimeError) {
        guard readerCount > 0 else {
            throw RuntimeError("releaseRead() was called on a ReadWriteLock that is not held")
        }
        readerCount -= 1
        if readerCount == 0 { departures.wakeFirst() }
    }

    /// Acquires the lock for reading, runs `body`, and releases the lock when `body` returns or throws.
    ///
    /// - Returns: The value that `body` returns.
    /// - Throws: The error that `body` throws; `CancellationError` if the task is cancelled while it waits;
    ///   ``RuntimeError`` if `body` returned but had already released the lock.
    public func withReadLock<T>(
        _ body: nonisolated(nonsending) () async throws -> T
    ) async throws -> T {
        try await acquireRead()
        return try await releasing({ try releaseRead() }, after: body)
    }

    // MARK: Writing

    /// Waits until no task holds the lock, and acquires the lock for writing. Tasks that request the lock later must
    /// wait.
    ///
    /// - Throws: `CancellationError` if the task is cancelled while it waits. In that case, the lock is not acquired,
    ///   and tasks that were waiting behind the cancelled task can continue.
    ///
    /// tokio: `RwLock::write`.
    public func acquireWrite() async throws {
        try await entrance.acquire()
        do {
            while readerCount > 0 { try await departures.park(for: "ReadWriteLock.acquireWrite()", on: self) }
        } catch {
            try entrance.release()
            throw error
        }
        isWriteLocked = true
    }

    /// Releases the lock after writing.
    ///
    /// - Throws: ``RuntimeError`` if no task holds the lock for writing.
    public func releaseWrite() throws(RuntimeError) {
        guard isWriteLocked else { throw RuntimeError("releaseWrite() was called on a ReadWriteLock that is not held") }
        isWriteLocked = false
        try entrance.release()
    }

    /// Acquires the lock for writing, runs `body`, and releases the lock when `body` returns or throws.
    ///
    /// - Returns: The value that `body` returns.
    /// - Throws: The error that `body` throws; `CancellationError` if the task is cancelled while it waits;
    ///   ``RuntimeError`` if `body` returned but had already released the lock.
    public func withWriteLock<T>(
        _ body: nonisolated(nonsending) () async throws -> T
    ) async throws -> T {
        try await acquireWrite()
        return try await releasing({ try releaseWrite() }, after: body)
    }
}
