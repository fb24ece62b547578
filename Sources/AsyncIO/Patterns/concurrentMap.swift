// # A bounded map
//
// A feeder task takes elements from the source, one when there is room, and starts a task
// for each. There is room for `limit` elements that are being worked on or wait to be taken:
// a consumer that is slow stops the feeder, and the feeder the source. Finished tasks reach
// the consumer through a queue, into which they are put when they start (ordered) or when
// they end (unordered).
//
// The first error, of the source or of an element, reaches the consumer in its place and
// ends the sequence. When the consumer leaves, everything is cancelled.

extension Sequence {
    /// Maps the elements with up to `limit` running at once.
    ///
    /// ```swift
    /// for try await page in urls.concurrentMap(limit: 10, { try await fetch($0) }) { … }
    /// ```
    ///
    /// - Parameters:
    ///   - limit: how many elements are worked on, or wait to be taken, at most.
    ///   - ordered: whether results come in the order of the elements, or as they are ready.
    public func concurrentMap<T>(
        limit: Int, ordered: Bool = true, isolation: isolated (any Actor)? = #isolation,
        fileID: StaticString = #fileID, line: UInt = #line,
        _ transform: @escaping (Element) async throws -> T
    ) -> ConcurrentMap<T> {
        ConcurrentMap(isolation: isolation, fileID: fileID, line: line) { work in
            _ = isolation
            try work.begin(limit: limit)
            for element in self {
                try await work.add(ordered: ordered, isolation: isolation, fileID: fileID, line: line) {
                    _ = isolation
                    return try await transform(element)
                }
            }
        }
    }
}

extension AsyncSequence {
    /// Maps the elements with up to `limit` running at once; see the method of `Sequence`.
    public func concurrentMap<T>(
        limit: Int, ordered: Bool = true, isolation: isolated (any Actor)? = #isolation,
        fileID: StaticString = #fileID, line: UInt = #line,
        _ transform: @escaping (Element) async throws -> T
    ) -> ConcurrentMap<T> {
        ConcurrentMap(isolation: isolation, fileID: fileID, line: line) { work in
            _ = isolation
            try work.begin(limit: limit)
            for try await element in self {
                try await work.add(ordered: ordered, isolation: isolation, fileID: fileID, line: line) {
                    _ = isolation
                    return try await transform(element)
                }
            }
        }
    }
}

/// The results of a ``Swift/Sequence/concurrentMap(limit:ordered:isolation:fileID:line:_:)``.
public struct ConcurrentMap<Element>: AsyncSequence {
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

    public func makeAsyncIterator() -> Iterator { Iterator(start: start) }

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

        /// The next result; nil at the end.
        ///
        /// - Throws: the error of an element or of the source, after which nothing comes;
        ///   `CancellationError`.
        public nonisolated(nonsending) func next() async throws -> Element? {
            if feeder == nil { feeder = start(work) }
            do {
                return try await work.next()
            } catch {
                feeder?.cancel()
                work.cancelAll()
                throw error
            }
        }

        public func next(isolation actor: isolated (any Actor)?) async throws -> Element? { try await next() }
    }
}

/// What feeder and consumer share. Loop thread only.
final class ConcurrentWork<Element> {
    private let results = Queue<AsyncTask<Element>>()
    private var running = ChildList()
    private var room: Semaphore?
    private var sourceError: (any Error)?
    private var hasSourceEnded = false
    private var isOver = false

    // MARK: The feeder's side

    func begin(limit: Int) throws {
        guard limit > 0 else { throw ValueError("concurrentMap() needs a limit of at least 1, not \(limit)") }
        room = try Semaphore(limit)
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

    nonisolated(nonsending) func next() async throws -> Element? {
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
        // An error that nobody can see any more is no loss to report.
        while let task = try? results.getNoWait() { task.isErrorRetrieved = true }
        results.shutdown()
    }
}
