/// The future that ends when all of its children have, or one has failed.
///
/// asyncio: `_GatheringFuture`.
final class GatherFuture<Value>: Future<Value> {
    /// None any more when it has ended, as it may be the child of another, and so on.
    @safe @exclusivity(unchecked) private var children: [FutureBase]
    @safe @exclusivity(unchecked) private var unfinished: Int
    @safe @exclusivity(unchecked) private var isCancelRequested = false
    private let keepsErrors: Bool
    @safe @exclusivity(unchecked) private var collect: (() throws -> Value)?

    /// - Parameters:
    ///   - keepsErrors: whether errors are results like others (`return_exceptions`).
    ///   - collect: makes the value once every child has ended.
    init(_ children: [FutureBase], keepsErrors: Bool, collect: @escaping () throws -> Value) {
        var seen = Set<ObjectIdentifier>()
        let distinct = children.filter { seen.insert(ObjectIdentifier($0)).inserted }
        self.children = children
        unfinished = distinct.count
        self.keepsErrors = keepsErrors
        self.collect = collect
        super.init()
        guard unfinished > 0 else {
            finish()
            return
        }
        let ended = distinct.filter(\.isDone)
        for child in distinct where !child.isDone {
            child.onDone { [self] in childEnded($0) }
        }
        for child in ended { childEnded(child) }
    }

    override var awaited: [FutureBase] { children }

    private func childEnded(_ child: FutureBase) {
        unfinished -= 1
        if isDone {
            // Nobody asks for it any more; that is no loss to report.
            child.isErrorRetrieved = true
        } else if !keepsErrors, child.isCancelled {
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

    /// A cancellation is stored as an error: the future does not count as cancelled.
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

// MARK: Waiting for several

/// Waits for several tasks or futures of any types; returns their values in the order of
/// the arguments.
///
/// The first error is thrown at once; the others run on. Cancelling the task that waits
/// cancels them all.
///
/// asyncio: `asyncio.gather`.
@discardableResult
public nonisolated(nonsending) func gather<each A: Awaitable>(
    _ futures: repeat each A
) async throws -> (repeat (each A).Value) {
    try await gatherFuture(repeat each futures).value
}

/// Runs several bodies as tasks and waits for them; returns their values in the order of
/// the arguments.
///
/// ```swift
/// let (page, size) = try await gather({ try await fetch(url) }, { try await measure(url) })
/// ```
///
/// asyncio: `asyncio.gather`, given coroutines.
@discardableResult
public func gather<each T>(
    isolation: isolated (any Actor)? = #isolation, fileID: StaticString = #fileID, line: UInt = #line,
    _ bodies: repeat @escaping () async throws -> each T
) async throws -> (repeat each T) {
    try await gatherFuture(isolation: isolation, fileID: fileID, line: line, repeat each bodies).value
}

/// Waits for all of `futures`; returns their values in order. The same one may be in it
/// twice.
///
/// asyncio: `asyncio.gather(*futures)`.
@discardableResult
public nonisolated(nonsending) func gather<A: Awaitable>(_ futures: some Sequence<A>) async throws -> [A.Value] {
    try await gatherFuture(futures).value
}

/// Waits for all of `futures`, tasks and futures mixed; returns their values in order.
///
/// asyncio: `asyncio.gather(*futures)`.
@discardableResult
public nonisolated(nonsending) func gather<T>(_ futures: some Sequence<any Awaitable<T>>) async throws -> [T] {
    try await gatherFuture(futures).value
}

/// Runs `body` as a task for each of `items` and waits for them; returns their values in order.
///
/// ```swift
/// let pages = try await gather(urls) { url in try await fetch(url) }
/// ```
///
/// asyncio: `asyncio.gather(*[fetch(url) for url in urls])`.
@discardableResult
public func gather<Item, T>(
    _ items: some Sequence<Item>, isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line,
    _ body: @escaping (Item) async throws -> T
) async throws -> [T] {
    try await gather(createTasks(items, isolation: isolation, fileID: fileID, line: line, body))
}

/// Waits for all of `futures` to end, in whatever way; returns how they did, in order.
///
/// asyncio: `asyncio.gather(*futures, return_exceptions=True)`.
@discardableResult
public nonisolated(nonsending) func gatherResults<A: Awaitable>(
    _ futures: some Sequence<A>
) async throws -> [Result<A.Value, any Error>] {
    try await gatherResultsFuture(futures).value
}

/// Waits for all of `futures`, tasks and futures mixed, to end, in whatever way; returns
/// how they did, in order.
///
/// asyncio: `asyncio.gather(*futures, return_exceptions=True)`.
@discardableResult
public nonisolated(nonsending) func gatherResults<T>(
    _ futures: some Sequence<any Awaitable<T>>
) async throws -> [Result<T, any Error>] {
    try await gatherResultsFuture(futures).value
}

/// Runs `body` as a task for each of `items` and waits for them to end, in whatever way;
/// returns how they did, in order.
@discardableResult
public func gatherResults<Item, T>(
    _ items: some Sequence<Item>, isolation: isolated (any Actor)? = #isolation,
    fileID: StaticString = #fileID, line: UInt = #line,
    _ body: @escaping (Item) async throws -> T
) async throws -> [Result<T, any Error>] {
    try await gatherResults(createTasks(items, isolation: isolation, fileID: fileID, line: line, body))
}

// MARK: Without waiting

/// The future that `gather` waits for: it may be passed on, awaited later, or cancelled,
/// which cancels what it gathers.
///
/// asyncio: `asyncio.gather` without `await`.
public func gatherFuture<A: Awaitable>(_ futures: some Sequence<A>) -> Future<[A.Value]> {
    let futures = Array(futures)
    return GatherFuture(futures, keepsErrors: false) { try futures.map { try $0.result() } }
}

/// The future that `gatherResults` waits for.
public func gatherResultsFuture<A: Awaitable>(
    _ futures: some Sequence<A>
) -> Future<[Result<A.Value, any Error>]> {
    let futures = Array(futures)
    return GatherFuture(futures, keepsErrors: true) {
        futures.map { future in outcome(of: future) { try future.result() } }
    }
}

/// The future that `gather` waits for, given tasks and futures mixed.
public func gatherFuture<T>(_ futures: some Sequence<any Awaitable<T>>) -> Future<[T]> {
    let futures = Array(futures)
    return GatherFuture(futures, keepsErrors: false) { try futures.map { try $0.result() } }
}

/// The future that `gatherResults` waits for, given tasks and futures mixed.
public func gatherResultsFuture<T>(
    _ futures: some Sequence<any Awaitable<T>>
) -> Future<[Result<T, any Error>]> {
    let futures = Array(futures)
    return GatherFuture(futures, keepsErrors: true) {
        futures.map { future in outcome(of: future) { try future.result() } }
    }
}

/// The future of a list of awaitables whose types only run time knows.
public func gatherFuture(_ futures: some Sequence<any Awaitable>) -> Future<[Any]> {
    let futures = Array(futures)
    return GatherFuture(futures, keepsErrors: false) { try futures.map { try $0.result() as Any } }
}

/// The future of how a list of awaitables ended whose types only run time knows.
public func gatherResultsFuture(_ futures: some Sequence<any Awaitable>) -> Future<[Result<Any, any Error>]> {
    let futures = Array(futures)
    return GatherFuture(futures, keepsErrors: true) {
        futures.map { future in outcome(of: future) { try future.result() as Any } }
    }
}

// MARK: Inside

// Packs are taken apart in functions that are not async: the compiler's allocation of a
// pack's types does not survive a suspension.

private func gatherFuture<each A: Awaitable>(_ futures: repeat each A) -> Future<(repeat (each A).Value)> {
    var children: [FutureBase] = []
    repeat children.append(each futures)
    return GatherFuture(children, keepsErrors: false) { (repeat try result(of: each futures)) }
}

private func gatherFuture<each T>(
    isolation: isolated (any Actor)?, fileID: StaticString, line: UInt,
    _ bodies: repeat @escaping () async throws -> each T
) -> Future<(repeat each T)> {
    gatherFuture(repeat createTask(isolation: isolation, fileID: fileID, line: line, each bodies))
}

/// `result()` of one; a function, since the compiler can't expand the call itself.
private func result<A: Awaitable>(of future: A) throws -> A.Value { try future.result() }

/// How one ended. The message of a cancellation is left for those who await it itself.
private func outcome<T>(of future: FutureBase, _ value: () throws -> T) -> Result<T, any Error> {
    if future.isCancelled { return .failure(CancellationError()) }
    if let error = future.takeError() { return .failure(error) }
    return Result { try value() }
}
