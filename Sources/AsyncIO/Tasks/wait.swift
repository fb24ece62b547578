/// When `wait` returns.
///
/// asyncio: `FIRST_COMPLETED`, `FIRST_EXCEPTION`, `ALL_COMPLETED`.
public enum ReturnWhen: Sendable {
    /// When the first has ended.
    case firstCompleted
    /// When the first has failed; a cancelled one has not. If none fails, when all have ended.
    case firstException
    /// When all have ended.
    case allCompleted
}

/// Waits until some of `futures` have ended, or `timeout` has passed.
///
/// Nothing is cancelled: not when time runs out, nor when the task that waits is
/// cancelled.
///
/// - Returns: those that have ended and those that have not, each in the order given,
///   each once.
/// - Throws: ``ValueError`` if there are none; `CancellationError`.
///
/// asyncio: `asyncio.wait`.
@discardableResult
public nonisolated(nonsending) func wait<F: FutureBase>(
    _ futures: some Sequence<F>, timeout: Duration? = nil, returnWhen: ReturnWhen = .allCompleted
) async throws -> (done: [F], pending: [F]) {
    var seen = Set<ObjectIdentifier>()
    let futures = futures.filter { seen.insert(ObjectIdentifier($0)).inserted }
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
                switch returnWhen {
                case .firstCompleted: true
                // As in asyncio, an error that ends the wait counts as seen.
                case .firstException: unfinished == 0 || (!ended.isCancelled && ended.takeError() != nil)
                case .allCompleted: unfinished == 0
                }
            guard isEnough else { return }
            timer?.cancel()
            waiter.complete()
        }
    }
    defer {
        timer?.cancel()
        for (future, callback) in zip(futures, callbacks) { future.forget(callback) }
    }
    try await waiter.wait()
    return (futures.filter(\.isDone), futures.filter { !$0.isDone })
}
