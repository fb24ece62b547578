/// Tasks or futures in the order they end.
///
/// ```swift
/// for try await task in asCompleted(tasks) { print(try await task.value) }
/// ```
///
/// - Parameter timeout: after which each that is still missing is a ``TimeoutError`` of
///   the iteration; nothing is cancelled. Nil for no limit.
///
/// asyncio: `asyncio.as_completed`.
public func asCompleted<F: FutureBase>(
    _ futures: some Sequence<F>, timeout: Duration? = nil, fileID: StaticString = #fileID, line: UInt = #line
) -> AsCompleted<F> {
    AsCompleted(futures, TimeLimit(timeout, .keep, CreationSite(fileID: fileID, line: line)))
}

/// Runs `body` as a task for each of `items`; the tasks in the order they end.
///
/// asyncio: `asyncio.as_completed`, given coroutines.
public func asCompleted<Item, T>(
    _ items: some Sequence<Item>, timeout: Duration? = nil, isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line,
    _ body: @escaping (Item) async throws -> T
) -> AsCompleted<AsyncTask<T>> {
    asCompleted(
        createTasks(items, isolation: isolation, fileID: fileID, line: line, body), timeout: timeout, fileID: fileID,
        line: line)
}

/// The sequence of ``asCompleted(_:timeout:fileID:line:)``. It may be left and taken up again.
public final class AsCompleted<F: FutureBase>: AsyncSequence {
    public typealias Element = F
    public typealias Failure = any Error

    /// What has ended and was not handed out; nil stands for one that timed out.
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

    /// The next one to end; nil when all were handed out.
    ///
    /// - Throws: ``TimeoutError`` for each that did not end in time; `CancellationError`.
    public nonisolated(nonsending) func next() async throws -> F? {
        guard left > 0 else { return nil }
        left -= 1
        guard let future = try await ended.get() else { throw limit.error() }
        return future
    }

    public func makeAsyncIterator() -> Iterator { Iterator(sequence: self) }

    public struct Iterator: AsyncIteratorProtocol {
        let sequence: AsCompleted

        public mutating func next() async throws -> F? { try await sequence.next() }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> F? {
            try await sequence.next()
        }
    }
}
