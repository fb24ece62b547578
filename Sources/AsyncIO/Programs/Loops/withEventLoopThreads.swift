internal import AsyncIOSystem

extension EventLoopThread {
    /// The number of loops to run.
    public struct Count: Sendable, ExpressibleByIntegerLiteral {
        let number: Int

        /// One loop for each processor of the machine.
        public static var perProcessor: Count { Count(Thread.processorCount) }

        /// Creates a loop count from a number.
        public init(_ number: Int) { self.number = number }
        /// Creates a loop count from an integer literal.
        public init(integerLiteral value: Int) { number = value }
    }
}

/// Runs `body` on several event loops at the same time, each on its own thread, and waits until all bodies have ended.
///
/// ```swift
/// try await withEventLoopThreads(count: .perProcessor) { io, index in
///     try await serve(shard: index)
/// }
/// ```
///
/// The first error cancels the bodies on the other loops. All loops are shut down before this function returns or
/// throws. If the calling task is cancelled, the bodies are also cancelled.
///
/// - Parameters:
///   - count: The number of loops.
///   - name: The prefix of the loops' names. The index of each loop is appended, as in `loop-0`.
///   - debug: Whether the loops run in debug mode, or `nil` for the default.
///   - backend: The backend of the loops.
///   - scheduling: How the system schedules the threads of the loops.
///   - limit: The maximum time that each loop can take to shut down, or `nil` for no limit.
///   - body: A closure that runs on each loop. It receives the `EventLoopThread` and its index, starting from 0.
/// - Returns: The values that the bodies return, by index.
/// - Throws: The first error that a body throws; ``ValueError`` if `count` is not positive; ``OSError`` if the
///   system does not allow that many threads; ``TimeoutError`` if a loop could not be shut down in time.
@discardableResult
public func withEventLoopThreads<T: Sendable>(
    count: EventLoopThread.Count = .perProcessor, name: String = "loop", debug: Bool? = nil,
    backend: EventLoop.Backend = .automatic, scheduling: EventLoopThread.Scheduling = .normal,
    within limit: Duration? = .seconds(10),
    fileID: StaticString = #fileID, line: UInt = #line,
    _ body: @escaping @Sendable (isolated EventLoopThread, Int) async throws -> T
) async throws -> [T] {
    guard count.number > 0 else { throw ValueError("count must be at least 1, got \(count.number)") }
    var threads: [EventLoopThread] = []
    let result: Result<[T], any Error>
    do {
        for index in 0..<count.number {
            threads.append(
                try EventLoopThread(
                    name: "\(name)-\(index)", debug: debug, backend: backend, scheduling: scheduling))
        }
        result = .success(try await runAll(threads, fileID, line, body))
    } catch {
        result = .failure(error)
    }
    let end: Result<Void, any Error>
    do { end = .success(try await threads.shutDown(within: limit, fileID: fileID, line: line)) } catch {
        end = .failure(error)
    }
    // An error of a body takes precedence.
    let values = try result.get()
    try end.get()
    return values
}

private func runAll<T: Sendable>(
    _ threads: [EventLoopThread], _ fileID: StaticString, _ line: UInt,
    _ body: @escaping @Sendable (isolated EventLoopThread, Int) async throws -> T
) async throws -> [T] {
    try await withThrowingTaskGroup(of: (Int, T).self) { group in
        for (index, io) in threads.enumerated() {
            group.addTask {
                (index, try await io.run(name: "main", fileID: fileID, line: line) { io in try await body(io, index) })
            }
        }
        var values: [T?] = Array(repeating: nil, count: threads.count)
        // The group's body throws the first error, which cancels the other bodies.
        for try await (index, value) in group { values[index] = value }
        return values.compactMap(\.self)
    }
}
