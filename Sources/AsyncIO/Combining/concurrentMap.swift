// # A bounded map
//
// A feeder task takes elements from the source, one at a time when a slot is free, and starts a task for each. There
// are `limit` slots for elements that are being processed or are waiting for the consumer. A slow consumer therefore
// stops the feeder, and the feeder stops taking from the source. Tasks reach the consumer through a queue. They are put
// into it when they start (ordered) or when they end (unordered).
//
// The first error, of the source or of an element, reaches the consumer in order and ends the
// sequence. If the consumer stops iterating, everything is cancelled.

/// Maps the elements of a sequence with an asynchronous closure. At most `limit` calls run at the same time.
///
/// ```swift
/// for try await page in concurrentMap(urls, limit: 10, { try await fetch($0) }) { … }
/// ```
///
/// The work starts when the consumer requests the first element. If the consumer stops iterating or is cancelled, all
/// running calls are cancelled.
///
/// - Parameters:
///   - items: The elements to map.
///   - limit: The maximum number of elements that are being processed or are waiting for the consumer. If the limit is
///     less than 1, the iteration throws ``ValueError``.
///   - ordered: Whether the results are delivered in the order of the elements. If this is `false`, each result is
///     delivered as soon as it is ready.
///   - transform: A closure that maps an element. The closure runs in a separate task for each element.
public func concurrentMap<Item, T>(
    _ items: some Sequence<Item>, limit: Int, ordered: Bool = true, isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line,
    _ transform: @escaping (Item) async throws -> T
) -> ConcurrentMap<T> {
    ConcurrentMap(isolation: isolation, fileID: fileID, line: line) { work in
        _ = isolation
        try work.begin(limit: limit)
        for item in items {
            try await work.add(ordered: ordered, isolation: isolation, fileID: fileID, line: line) {
                _ = isolation
                return try await transform(item)
            }
        }
    }
}

/// Maps the elements of an asynchronous sequence with an asynchronous closure. At most `limit` calls run at the same
/// time; see ``concurrentMap(_:limit:ordered:isolation:fileID:line:_:)-(Sequence,_,_,_,_,_,_)``.
public func concurrentMap<Items: AsyncSequence, T>(
    _ items: Items, limit: Int, ordered: Bool = true, isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line,
    _ transform: @escaping (Items.Element) async throws -> T
) -> ConcurrentMap<T> {
    ConcurrentMap(isolation: isolation, fileID: fileID, line: line) { work in
        _ = isolation
        try work.begin(limit: limit)
        for try await item in items {
            try await work.add(ordered: ordered, isolation: isolation, fileID: fileID, line: line) {
                _ = isolation
                return try await transform(item)
            }
        }
    }
}

/// The results of `concurrentMap` as an asynchronous sequence.
public struct ConcurrentMap<Element>: AsyncSequence {
    /// The iteration can throw any error of the source or of the closure.
    public typealias Failure = any Error

    private let start: (ConcurrentWork<Element>) -> AsyncTask<Void>

    init(
        isolation: isolated (any Actor)?, fileID: StaticString, line: UInt,
        _ feed: @escaping (ConcurrentWork<Element>) async throws -> Void
    ) {
        start = { work in
            createTask(name: "concurrentMap", isolation: isolation, fileID: fileID, line: line) {
                _ = isolation
                do {
                    try await feed(work)
                    work.endOfSource(nil)
                } catch {
                    work.endOfSource(error)
                }
            }
        }
    }

    /// Returns an iterator. The iterator starts the work when the first element is requested.
    public func makeAsyncIterator() -> Iterator { Iterator(start: start) }

    /// An iterator over the results. When the iterator is deallocated, the work is cancelled.
    public final class Iterator: AsyncIteratorProtocol {
        private let work = ConcurrentWork<Element>()
        private let start: (ConcurrentWork<Element>) -> AsyncTask<Void>
        private var feeder: AsyncTask<Void>?

        init(start: @escaping (ConcurrentWork<Element>) -> AsyncTask<Void>) { self.start = start }

        deinit {
            guard EventLoop.here != nil else { return }
            feeder?.cancel()
            work.cancelAll()
        }

        /// Waits for the next result.
        ///
        /// If the current task is cancelled, all running calls are cancelled, and the iteration ends.
        ///
        /// - Returns: The next result, or `nil` at the end of the sequence.
        /// - Throws: The error of the source or of the closure, after which the iteration ends; ``ValueError`` if the
        ///   limit is less than 1; `CancellationError` if the task is cancelled.
        public func next() async throws -> Element? {
            if feeder == nil { feeder = start(work) }
            do {
                return try await work.next()
            } catch {
                feeder?.cancel()
                work.cancelAll()
                throw error
            }
        }

        /// Waits for the next result; see ``next()``.
        ///
        /// - Throws: The same errors as ``next()``, including `CancellationError`.
        public func next(isolation actor: isolated (any Actor)?) async throws -> Element? { try await next() }
    }
}

/// The state that the feeder and the consumer share. Use this class only on the loop's thread.
final class ConcurrentWork<Element> {
    private let results = Queue<AsyncTask<Element>>()
    private var running = ChildList()
    private var room: Semaphore?
    private var sourceError: (any Error)?
    private var hasSourceEnded = false
    private var isOver = false

    // MARK: The feeder's side

    func begin(limit: Int) throws {
        guard limit > 0 else { throw ValueError("limit must be at least 1, got \(limit)") }
        room = try Semaphore(validating: limit)
    }

    func add(
        ordered: Bool, isolation: isolated (any Actor)?, fileID: StaticString, line: UInt,
        _ body: @escaping () async throws -> Element
    ) async throws {
        try await room?.acquire()
        let task = createTask(isolation: isolation, fileID: fileID, line: line, body)
        let child = running.append(task)
        if ordered { try results.putNoWait(task) }
        task.addDoneCallback { [self] task in
            running.remove(child)
            if !ordered, !isOver { try results.putNoWait(task) }
            if isOver { task.isErrorRetrieved = true }
            if hasSourceEnded, running.isEmpty { results.shutdown() }
        }
    }

    func endOfSource(_ error: (any Error)?) {
        sourceError = error
        hasSourceEnded = true
        if running.isEmpty { results.shutdown() }
    }

    // MARK: The consumer's side

    func next() async throws -> Element? {
        guard !isOver else { return nil }
        do {
            let task = try await results.get()
            defer { try? room?.release() }
            return try await task.value
        } catch is QueueShutDown {
            isOver = true
            if let sourceError { throw sourceError }
            return nil
        }
    }

    func cancelAll() {
        isOver = true
        for task in running.all { task.cancel() }
        // An error that no code can receive anymore need not be reported.
        while let task = try? results.getNoWait() { task.isErrorRetrieved = true }
        results.shutdown()
    }
}
