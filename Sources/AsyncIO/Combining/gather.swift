/// A future that ends when all of its children have ended, or when a child has failed.
///
/// asyncio: `_GatheringFuture`.
@usableFromInline
final class GatherFuture<Value>: Future<Value> {
    /// The children of the future. This array is emptied when the future has ended, so that the future no longer
    /// retains its children, which can have children themselves.
    @safe @exclusivity(unchecked) private var children: [FutureBase]
    @safe @exclusivity(unchecked) private var unfinished: Int
    @safe @exclusivity(unchecked) private var isCancelRequested = false
    private let keepsErrors: Bool
    @safe @exclusivity(unchecked) private var collect: (() throws -> Value)?

    /// - Parameters:
    ///   - keepsErrors: Whether errors are returned as results, as with `return_exceptions` in asyncio.
    ///   - collect: A function that returns the value of the future. It is called after all children have ended.
    @usableFromInline
    init(_ children: [FutureBase], keepsErrors: Bool, collect: @escaping () throws -> Value) {
        let distinct = withoutDuplicates(children)
        self.children = children
        unfinished = distinct.count
        self.keepsErrors = keepsErrors
        self.collect = collect
        super.init()
        guard unfinished > 0 else {
            finish()
            return
        }
        let ended = distinct.filter { $0.isDone }
        for child in distinct where !child.isDone {
            child.onDone { [self] in childEnded($0) }
        }
        for child in ended { childEnded(child) }
    }

    override var awaited: [FutureBase] { children }

    private func childEnded(_ child: FutureBase) {
        unfinished -= 1
        if isDone {
            // Nothing waits for this result anymore; it is not a lost error.
            child.isErrorRetrieved = true
        } else if !keepsErrors, child.wasCancelled {
            fail(after: child)
        } else if !keepsErrors, let error = child.takeError() {
            storedMessage = child.storedMessage
            fail(error)
            letGo()
        } else if unfinished == 0 {
            finish()
        }
    }

    private func finish() {
        if isCancelRequested { return fail(after: children.last) }
        guard let collect else { return }
        do { succeed(try collect()) } catch { fail(error) }
        letGo()
    }

    private func letGo() {
        children = []
        collect = nil
    }

    /// Ends the future with a `CancellationError`. The future itself does not count as cancelled.
    private func fail(after child: FutureBase?) {
        storedMessage = child?.takeMessage()
        fail(CancellationError())
        letGo()
    }

    override func cancel(_ message: String? = nil) -> Bool {
        receiveRequest(message) ?? passRequestOn(message)
    }

    override var passesRequestsOn: Bool { true }
    override func receiveRequest(_ message: String?) -> Bool? { isDone ? false : nil }
    override func target(_ index: Int) -> FutureBase? { index < children.count ? children[index] : nil }

    override func passedOn(_ wasAccepted: Bool, _ message: String?) -> Bool {
        if wasAccepted { isCancelRequested = true }
        return wasAccepted
    }
}

// MARK: Waiting for several futures

/// Waits for several tasks or futures, which can have different value types.
///
/// - Returns: The values, in the order of the arguments.
/// - Throws: The first error, as soon as it occurs. The other tasks continue. If the waiting task is cancelled, all of
///   the gathered tasks are cancelled, and this function throws `CancellationError`.
///
/// asyncio: `asyncio.gather`.
@inlinable
@discardableResult
public func gather<each A: Awaitable>(
    _ futures: repeat each A
) async throws -> (repeat (each A).Value) {
    try await gatherFuture(repeat each futures).value
}

/// Runs several bodies as tasks and waits for them.
///
/// ```swift
/// let (page, size) = try await gather({ try await fetch(url) }, { try await measure(url) })
/// ```
///
/// - Returns: The values, in the order of the arguments.
/// - Throws: The first error, as soon as it occurs. The other tasks continue. If the waiting task is cancelled, all of
///   the gathered tasks are cancelled, and this function throws `CancellationError`.
///
/// asyncio: `asyncio.gather` with coroutines.
@inlinable
@discardableResult
public func gather<each T>(
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
    _ bodies: repeat @escaping () async throws -> each T
) async throws -> (repeat each T) {
    try await gatherFuture(isolation: isolation, fileID: fileID, line: line, repeat each bodies).value
}

/// Waits for all of `futures`, which can contain duplicates.
///
/// - Returns: The values, in the order of `futures`.
/// - Throws: The first error, as soon as it occurs. The other futures continue. If the waiting task is cancelled, all
///   of `futures` are cancelled, and this function throws `CancellationError`.
/// - Complexity: O(*n*), where *n* is the number of futures.
///
/// asyncio: `asyncio.gather(*futures)`.
@inlinable
@discardableResult
public func gather<A: Awaitable>(_ futures: some Sequence<A>) async throws -> [A.Value] {
    try await gatherFuture(futures).value
}

/// Waits for all of `futures`, which can contain both tasks and futures.
///
/// - Returns: The values, in the order of `futures`.
/// - Throws: The first error, as soon as it occurs. The other futures continue. If the waiting task is cancelled, all
///   of `futures` are cancelled, and this function throws `CancellationError`.
/// - Complexity: O(*n*), where *n* is the number of futures.
///
/// asyncio: `asyncio.gather(*futures)`.
@inlinable
@discardableResult
public func gather<T>(_ futures: some Sequence<any Awaitable<T>>) async throws -> [T] {
    try await gatherFuture(futures).value
}

/// Runs `body` as a task for each of `items` and waits for the tasks.
///
/// ```swift
/// let pages = try await gather(urls) { url in try await fetch(url) }
/// ```
///
/// - Returns: The values, in the order of the items.
/// - Throws: The first error, as soon as it occurs. The other tasks continue. If the waiting task is cancelled, all of
///   the gathered tasks are cancelled, and this function throws `CancellationError`.
/// - Complexity: O(*n*), where *n* is the number of items.
///
/// asyncio: `asyncio.gather(*[fetch(url) for url in urls])`.
@inlinable
@discardableResult
public func gather<Item, T>(
    _ items: some Sequence<Item>, isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line,
    _ body: @escaping (Item) async throws -> T
) async throws -> [T] {
    try await gather(createTasks(items, isolation: isolation, fileID: fileID, line: line, body))
}

/// Waits until all of `futures` have ended. A future can end with a value, with an error, or because it was cancelled.
///
/// - Returns: The results, in order. The result of a cancelled task is a failure with a `CancellationError`.
/// - Throws: `CancellationError` if the waiting task is cancelled. In that case, all of `futures` are cancelled, and
///   the error is thrown after they have ended.
/// - Complexity: O(*n*), where *n* is the number of futures.
///
/// asyncio: `asyncio.gather(*futures, return_exceptions=True)`.
@inlinable
@discardableResult
public func gatherResults<A: Awaitable>(
    _ futures: some Sequence<A>
) async throws -> [Result<A.Value, any Error>] {
    try await gatherResultsFuture(futures).value
}

/// Waits until all of `futures`, which can contain both tasks and futures, have ended.
///
/// - Returns: The results, in order. The result of a cancelled task is a failure with a `CancellationError`.
/// - Throws: `CancellationError` if the waiting task is cancelled. In that case, all of `futures` are cancelled, and
///   the error is thrown after they have ended.
/// - Complexity: O(*n*), where *n* is the number of futures.
///
/// asyncio: `asyncio.gather(*futures, return_exceptions=True)`.
@inlinable
@discardableResult
public func gatherResults<T>(
    _ futures: some Sequence<any Awaitable<T>>
) async throws -> [Result<T, any Error>] {
    try await gatherResultsFuture(futures).value
}

/// Runs `body` as a task for each of `items` and waits until all of the tasks have ended.
///
/// - Returns: The results, in order. The result of a cancelled task is a failure with a `CancellationError`.
/// - Throws: `CancellationError` if the waiting task is cancelled. In that case, all of the started tasks are
///   cancelled, and the error is thrown after they have ended.
/// - Complexity: O(*n*), where *n* is the number of items.
///
/// asyncio: `asyncio.gather` with coroutines and `return_exceptions=True`.
@inlinable
@discardableResult
public func gatherResults<Item, T>(
    _ items: some Sequence<Item>, isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line,
    _ body: @escaping (Item) async throws -> T
) async throws -> [Result<T, any Error>] {
    try await gatherResults(createTasks(items, isolation: isolation, fileID: fileID, line: line, body))
}

// MARK: Without waiting

/// Returns the future that `gather` waits for. You can pass the future to other code, await it later, or cancel it. If
/// you cancel it, all of the gathered futures are cancelled.
///
/// - Complexity: O(*n*), where *n* is the number of futures.
///
/// asyncio: `asyncio.gather` without `await`.
@inlinable
public func gatherFuture<A: Awaitable>(_ futures: some Sequence<A>) -> Future<[A.Value]> {
    let futures = Array(futures)
    return GatherFuture(futures, keepsErrors: false) { try futures.map { try $0.result() } }
}

/// Returns the future that `gatherResults` waits for.
///
/// - Complexity: O(*n*), where *n* is the number of futures.
///
/// asyncio: `asyncio.gather` with `return_exceptions=True`, without `await`.
@inlinable
public func gatherResultsFuture<A: Awaitable>(
    _ futures: some Sequence<A>
) -> Future<[Result<A.Value, any Error>]> {
    let futures = Array(futures)
    return GatherFuture(futures, keepsErrors: true) {
        futures.map { future in outcome(of: future) { try future.result() } }
    }
}

/// Returns the future that `gather` waits for. The sequence can contain both tasks and futures.
///
/// - Complexity: O(*n*), where *n* is the number of futures.
///
/// asyncio: `asyncio.gather` without `await`.
@inlinable
public func gatherFuture<T>(_ futures: some Sequence<any Awaitable<T>>) -> Future<[T]> {
    let futures = Array(futures)
    return GatherFuture(futures, keepsErrors: false) { try futures.map { try $0.result() } }
}

/// Returns the future that `gatherResults` waits for. The sequence can contain both tasks and futures.
///
/// - Complexity: O(*n*), where *n* is the number of futures.
///
/// asyncio: `asyncio.gather` with `return_exceptions=True`, without `await`.
@inlinable
public func gatherResultsFuture<T>(
    _ futures: some Sequence<any Awaitable<T>>
) -> Future<[Result<T, any Error>]> {
    let futures = Array(futures)
    return GatherFuture(futures, keepsErrors: true) {
        futures.map { future in outcome(of: future) { try future.result() } }
    }
}

/// Returns a future that gathers tasks and futures whose value types are known only at run time.
///
/// - Complexity: O(*n*), where *n* is the number of futures.
///
/// asyncio: `asyncio.gather` without `await`.
@inlinable
public func gatherFuture(_ futures: some Sequence<any Awaitable>) -> Future<[Any]> {
    let futures = Array(futures)
    return GatherFuture(futures, keepsErrors: false) { try futures.map { try $0.result() as Any } }
}

/// Returns a future that gathers the results of tasks and futures whose value types are known only at run
/// time.
///
/// - Complexity: O(*n*), where *n* is the number of futures.
///
/// asyncio: `asyncio.gather` with `return_exceptions=True`, without `await`.
@inlinable
public func gatherResultsFuture(_ futures: some Sequence<any Awaitable>) -> Future<[Result<Any, any Error>]> {
    let futures = Array(futures)
    return GatherFuture(futures, keepsErrors: true) {
        futures.map { future in outcome(of: future) { try future.result() as Any } }
    }
}

// MARK: Inside

// Packs are expanded in functions that are not async, because the compiler's allocation of a pack's types
// does not survive a suspension.

@inlinable
func gatherFuture<each A: Awaitable>(_ futures: repeat each A) -> Future<(repeat (each A).Value)> {
    var children: [FutureBase] = []
    repeat children.append(each futures)
    return GatherFuture(children, keepsErrors: false) { (repeat try result(of: each futures)) }
}

@inlinable
func gatherFuture<each T>(
    isolation: isolated (any Actor)?, fileID: StaticString, line: UInt,
    _ bodies: repeat @escaping () async throws -> each T
) -> Future<(repeat each T)> {
    gatherFuture(repeat createTask(isolation: isolation, fileID: fileID, line: line, each bodies))
}

/// Returns `future.result()`. This function is separate because the compiler does not accept the method call itself in
/// a pack expansion.
@inlinable
func result<A: Awaitable>(of future: A) throws -> A.Value { try future.result() }

/// Returns the result of a future. The cancellation message stays available to tasks that await the future itself.
@inlinable
func outcome<T>(of future: FutureBase, _ value: () throws -> T) -> Result<T, any Error> {
    if future.wasCancelled { return .failure(CancellationError()) }
    if let error = future.takeError() { return .failure(error) }
    return Result { try value() }
}
