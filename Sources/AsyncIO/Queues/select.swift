/// Waits until one of several channels has an element, and takes it. Nothing is taken from the others.
///
/// ```swift
/// switch try await select(.get(from: jobs) { .job($0) }, .wait(for: stop) { .stop }) {
/// case .job(let job): try await run(job)
/// case .stop: return
/// }
/// ```
///
/// The cases are checked in the order given, so a busy one can starve those after it; put the most urgent one first. In
/// contrast to a ``race(isolation:fileID:line:_:)`` of calls that receive, nothing is lost when two channels have an
/// element at the same time. No tasks are created.
///
/// - Parameter cases: The channels, each with a closure that receives its element.
/// - Returns: The value that the closure of the chosen case returns.
/// - Throws: The errors of the channels, such as ``QueueShutDown``; ``ValueError`` if there are no cases;
///   `CancellationError` if the task is cancelled while it waits. In that case, nothing is taken.
/// - Complexity: O(*n*), where *n* is the number of cases.
///
/// asyncio: none. tokio: `select!`, with `biased`. Go: `select`.
public func select<T>(_ cases: SelectCase<T>...) async throws -> T {
    if cases.isEmpty { throw ValueError("select() needs at least one case") }
    if let value = try firstTaken(cases) { return value }
    while true {
        let ready = Waiter(for: "select()")
        let waiters = cases.map { one in
            let waiter = Waiter(for: "select()")
            one.line.join(waiter)
            one.didJoin()
            waiter.onDone { _ in ready.complete() }
            return waiter
        }
        defer {
            for (one, waiter) in zip(cases, waiters) {
                one.line.leave(waiter)
                one.didLeave(waiter.isDone)
                waiter.cancel()
            }
        }
        try await ready.wait()
        if let value = try firstTaken(cases) { return value }
    }
}

private func firstTaken<T>(_ cases: [SelectCase<T>]) throws -> T? {
    for one in cases {
        if let value = try one.take() { return value }
    }
    return nil
}

/// A channel to wait for in ``select(_:)``.
public struct SelectCase<Value> {
    let line: WaitQueue
    /// Takes an element from the channel, and returns the value of the case; nil if the channel has no element.
    let take: () throws -> Value?
    var didJoin: () -> Void = {}
    /// Called when the wait is over. The parameter says whether this case was woken. If it was but took nothing,
    /// another task can take the element.
    var didLeave: (_ wasWoken: Bool) -> Void = { _ in }

    /// Takes an item from a queue.
    public static func get<Element>(
        from queue: Queue<Element>, _ transform: @escaping (Element) throws -> Value
    ) -> Self {
        SelectCase(
            line: queue.state.getters,
            take: { do { return try transform(queue.getNoWait()) } catch is QueueEmpty { return nil } },
            didLeave: { wasWoken in if wasWoken, !queue.isEmpty { queue.state.getters.wakeAndRemoveFirst() } })
    }

    /// Receives an element of a memory object stream, or `nil` at its end.
    public static func receive<Element>(
        from receiver: ObjectReceiver<Element>, _ transform: @escaping (Element?) throws -> Value
    ) -> Self {
        let channel = receiver.channel
        return SelectCase(
            line: channel.receiving,
            take: {
                if let element = try receiver.receiveNoWait() { return try transform(element) }
                return channel.senders == 0 ? try transform(nil) : nil
            },
            didJoin: { channel.beginWaiting() },
            didLeave: { wasWoken in
                channel.endWaiting()
                if wasWoken { channel.passOn() }
            })
    }

    /// Takes an element of a subscription, or `nil` at its end.
    public static func next<Element>(
        of subscription: Broadcast<Element>.Subscription, _ transform: @escaping (Element?) throws -> Value
    ) -> Self {
        SelectCase(
            line: subscription.line,
            take: {
                if let element = try subscription.nextNoWait() { return try transform(element) }
                return subscription.isOver ? try transform(nil) : nil
            })
    }

    /// Takes a change of a ``LatestValue``, or `nil` at the end.
    public static func next<Element>(
        of changes: LatestValue<Element>.Changes.Iterator, _ transform: @escaping (Element?) throws -> Value
    ) -> Self {
        SelectCase(
            line: changes.line,
            take: {
                if let element = changes.nextNoWait() { return try transform(element) }
                return changes.isOver ? try transform(nil) : nil
            })
    }

    /// Waits until an event is set.
    public static func wait(for event: Event, _ transform: @escaping () throws -> Value) -> Self {
        SelectCase(line: event.line, take: { event.isSet ? try transform() : nil })
    }
}
