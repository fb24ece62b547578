/// The condition under which ``wait(_:timeout:returnWhen:)`` returns.
///
/// asyncio: `FIRST_COMPLETED`, `FIRST_EXCEPTION`, `ALL_COMPLETED`.
public struct ReturnWhen: Sendable, Hashable {
    fileprivate enum Condition { case firstCompleted, firstException, allCompleted }
    fileprivate let condition: Condition

    /// Return when the first future has ended.
    public static let firstCompleted = ReturnWhen(condition: .firstCompleted)
    /// Return when the first future has failed, or when all futures have ended. A cancelled future does not count as a
    /// failed future.
    public static let firstException = ReturnWhen(condition: .firstException)
    /// Return when all futures have ended.
    public static let allCompleted = ReturnWhen(condition: .allCompleted)
}

/// Waits until the condition `returnWhen` is met or `timeout` has passed.
///
/// This function never cancels the futures, even if the timeout has passed or the waiting task is cancelled.
///
/// - Parameters:
///   - futures: The tasks or futures to wait for.
///   - timeout: The maximum time to wait, or `nil` for no limit.
///   - returnWhen: The condition under which the function returns.
/// - Returns: The futures that have ended and the futures that have not ended, in the given order and without
///   duplicates.
/// - Throws: ``ValueError`` if `futures` is empty; `CancellationError` if the waiting task is cancelled.
/// - Complexity: O(*n*), where *n* is the number of futures.
///
/// asyncio: `asyncio.wait`.
@inlinable
@discardableResult
public func wait<F: FutureBase>(
    _ futures: some Sequence<F>, timeout: Duration? = nil, returnWhen: ReturnWhen = .allCompleted
) async throws -> (done: [F], pending: [F]) {
    let futures = withoutDuplicates(Array(futures))
    try await waitForSome(of: futures, timeout, returnWhen)
    var (done, pending): ([F], [F]) = ([], [])
    for future in futures {
        if future.isDone { done.append(future) } else { pending.append(future) }
    }
    return (done, pending)
}

// The code that does not involve the type of the futures is not generic. In the generic code, key paths, iterators, and
// sets would be generic as well, and cost more than the wait.

/// Waits until the condition is met or the timeout has passed. The futures must be different.
@usableFromInline
func waitForSome(of futures: [FutureBase], _ timeout: Duration?, _ returnWhen: ReturnWhen) async throws {
    guard !futures.isEmpty else { throw ValueError("wait() needs at least one task or future") }
    let loop = EventLoop.required(for: "wait")
    let subject = WaitedFutures(futures)
    let waiter = Waiter(for: "wait()", on: subject)
    defer { withExtendedLifetime(subject) {} }
    let timer = timeout.map { loop.schedule(.complete(waiter), at: loop.time.advanced(by: $0)) }
    var unfinished = futures.count
    let callbacks = futures.map { future in
        future.onDone { ended in
            unfinished -= 1
            let isEnough =
                switch returnWhen.condition {
                case .firstCompleted: true
                // As in asyncio, an error that ends the wait counts as retrieved.
                case .firstException: unfinished == 0 || (!ended.wasCancelled && ended.takeError() != nil)
                case .allCompleted: unfinished == 0
                }
            guard isEnough else { return }
            timer?.cancel()
            waiter.complete()
        }
    }
    defer {
        timer?.cancel()
        for index in futures.indices { futures[index].forget(callbacks[index]) }
    }
    try await waiter.wait()
}

/// Returns the objects in the given order, without duplicates.
@inlinable
func withoutDuplicates<Object: AnyObject>(_ objects: [Object]) -> [Object] {
    // With few objects, comparing all of them is faster than hashing them.
    if objects.count <= 8 {
        var isDistinct = true
        for index in objects.indices {
            for other in 0..<index where objects[other] === objects[index] { isDistinct = false }
        }
        if isDistinct { return objects }
    }
    var seen = Set<ObjectIdentifier>()
    return objects.filter { seen.insert(ObjectIdentifier($0)).inserted }
}
