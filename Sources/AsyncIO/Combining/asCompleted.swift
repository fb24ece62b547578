/// Returns tasks or futures in the order in which they end.
///
/// ```swift
/// for try await task in asCompleted(tasks) { print(try await task.value) }
/// ```
///
/// - Parameters:
///   - futures: The tasks or futures. A future that occurs several times is returned only once.
///   - timeout: The maximum time to wait, or `nil` for no limit. When this time has passed, the iteration throws a
///     ``TimeoutError`` for each task or future that has not ended. The tasks and futures are not cancelled.
/// - Returns: An asynchronous sequence of the tasks or futures.
/// - Complexity: O(*n*), where *n* is the number of futures.
///
/// asyncio: `asyncio.as_completed`.
public func asCompleted<F: FutureBase>(
    _ futures: some Sequence<F>, timeout: Duration? = nil, fileID: StaticString = #fileID, line: UInt = #line
) -> AsCompleted<F> {
    AsCompleted(futures, TimeLimit(timeout, .keep, CreationSite(fileID: fileID, line: line)))
}

/// Runs `body` as a task for each of `items`, and returns the tasks in the order in which they end.
///
/// - Parameters:
///   - items: The items. A task is started for each item.
///   - timeout: The maximum time to wait, or `nil` for no limit. When this time has passed, the iteration throws a
///     ``TimeoutError`` for each task that has not ended. The tasks are not cancelled.
///   - body: A closure that receives an item.
/// - Returns: An asynchronous sequence of the tasks.
/// - Complexity: O(*n*), where *n* is the number of items.
///
/// asyncio: `asyncio.as_completed` with coroutines.
public func asCompleted<Item, T>(
    _ items: some Sequence<Item>, timeout: Duration? = nil, isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line,
    _ body: @escaping (Item) async throws -> T
) -> AsCompleted<AsyncTask<T>> {
    asCompleted(
        createTasks(items, isolation: isolation, fileID: fileID, line: line, body), timeout: timeout, fileID: fileID,
        line: line)
}

/// The sequence that ``asCompleted(_:timeout:fileID:line:)`` returns. You can stop iterating over the sequence and
/// continue later.
public final class AsCompleted<F: FutureBase>: AsyncSequence {
    /// The type of the tasks or futures.
    public typealias Element = F
    /// The type of the errors that the iteration throws.
    public typealias Failure = any Error

    /// The futures that have ended and have not been returned yet. A nil element represents a future that timed out.
    private let ended = Queue<F?>()
    private var missing: [ObjectIdentifier: (F, DoneCallback)] = [:]
    private var left: Int
    private var timer: TimerHandle?
    private let limit: TimeLimit

    init(_ futures: some Sequence<F>, _ limit: TimeLimit) {
        self.limit = limit
        left = 0
        for future in futures where missing[ObjectIdentifier(future)] == nil {
            let callback = future.onDone { [self] in try note($0) }
            missing[ObjectIdentifier(future)] = (future, callback)
        }
        left = missing.count
        if let deadline = limit.deadline, left > 0 {
            let loop = EventLoop.required(for: "asCompleted")
            timer = loop.schedule(.callback { [self] in try expire() }, at: deadline)
        }
    }

    private func note(_ future: FutureBase) throws {
        guard let (future, _) = missing.removeValue(forKey: ObjectIdentifier(future)) else { return }
        try ended.putNoWait(future)
        if missing.isEmpty { timer?.cancel() }
    }

    private func expire() throws {
        for (future, callback) in missing.values {
            future.forget(callback)
            try ended.putNoWait(nil)
        }
        missing.removeAll()
    }

    /// Returns the next task or future that ends, or `nil` when all tasks and futures have been returned.
    ///
    /// - Throws: ``TimeoutError`` for each task or future that did not end in time; `CancellationError` if the waiting
    ///   task is cancelled. The cancellation does not affect the tasks and futures.
    public func next() async throws -> F? {
        guard left > 0 else { return nil }
        left -= 1
        guard let future = try await ended.get() else { throw limit.error() }
        return future
    }

    /// Returns an iterator. All iterators of a sequence share the same position.
    public func makeAsyncIterator() -> Iterator { Iterator(sequence: self) }

    /// An iterator over the tasks or futures of an ``AsCompleted`` sequence.
    public struct Iterator: AsyncIteratorProtocol {
        let sequence: AsCompleted

        /// Returns the next task or future that ends; see ``AsCompleted/next()``.
        ///
        /// - Throws: The same errors as ``AsCompleted/next()``, including `CancellationError`.
        public mutating func next() async throws -> F? { try await sequence.next() }

        /// Returns the next task or future that ends; see ``AsCompleted/next()``.
        ///
        /// - Throws: The same errors as ``AsCompleted/next()``, including `CancellationError`.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> F? {
            try await sequence.next()
        }
    }
}
