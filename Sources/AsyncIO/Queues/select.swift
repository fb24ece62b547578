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
/// To include another call, such as one that reads a line from a stream, run it as a task and use
/// ``SelectCase/value(of:_:)``. Use the same task again until its value was taken, so that nothing is lost when another
/// case is first.
///
/// - Parameter cases: The cases to wait for, each with a closure for its element.
/// - Returns: What the case returns that was ready first.
/// - Throws: The errors of the channels, such as ``QueueShutDown``, and of the closures; ``ValueError`` if there are no
///   cases; `CancellationError` if the task is cancelled while it waits. In that case, nothing is taken.
/// - Complexity: O(*n*), where *n* is the number of cases.
///
/// asyncio: none. tokio: `select!`, with `biased`. Go: `select`.
public func select<T>(_ cases: SelectCase<T>...) async throws -> T {
    if cases.isEmpty { throw ValueError("select() needs at least one case") }
    if EventLoop.isBudgetSpent { try await giveWay() }
    if let value = try firstTaken(cases) { return value }
    while true {
        let ready = Waiter(for: "select()")
        let ends = cases.map { one in
            let waiter = Waiter(for: "select()")
            waiter.onDone { _ in ready.complete() }
            return one.begin(waiter)
        }
        defer { for end in ends { end() } }
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

/// Something to wait for in ``select(_:)``: a channel, a future, an event, or a time.
public struct SelectCase<Value> {
    /// Takes an element; returns nil if no element is available.
    let take: () throws -> Value?
    /// Begins to wait. The waiter is to be completed when there may be something to take. Returns a closure that ends
    /// the wait. If the waiter was completed and nothing was taken, another task can have it.
    let begin: (Waiter) -> () -> Void

    init(take: @escaping () throws -> Value?, begin: @escaping (Waiter) -> () -> Void) {
        self.take = take
        self.begin = begin
    }

    /// A case that waits in a queue of tasks.
    ///
    /// - Parameter passOn: Called when the wait is over, if this case was woken.
    init(
        in line: WaitQueue, take: @escaping () throws -> Value?, passOn: @escaping () -> Void = {}
    ) {
        self.init(take: take) { waiter in
            line.join(waiter)
            return {
                line.leave(waiter)
                if waiter.isDone { passOn() }
            }
        }
    }
}

extension SelectCase {
    /// Takes an item from a queue.
    public static func get<Element>(
        from queue: Queue<Element>, _ transform: @escaping (Element) throws -> Value
    ) -> Self {
        let getters = queue.state.getters
        return SelectCase(in: getters) {
            queue.isEmpty && !queue.isShutDown ? nil : try transform(queue.getNoWait())
        } passOn: {
            if !queue.isEmpty { getters.wakeAndRemoveFirst() }
        }
    }

    /// Receives an element of a memory object stream, or `nil` at its end.
    public static func receive<Element>(
        from receiver: ObjectReceiver<Element>, _ transform: @escaping (Element?) throws -> Value
    ) -> Self {
        let channel = receiver.channel
        var place: Waiter?
        return SelectCase {
            // Elements belong to the waiting tasks, unless it is this one's turn.
            let isTurn = place?.isDone ?? false
            if let element = try isTurn ? channel.takeFirst() : receiver.receiveNoWait() {
                return try transform(element)
            }
            return channel.isOver ? try transform(nil) : nil
        } begin: { waiter in
            place = waiter
            channel.receiving.join(waiter)
            channel.beginWaiting()
            return {
                place = nil
                channel.receiving.leave(waiter)
                channel.endWaiting()
                if waiter.isDone { channel.wakeReceiver() }
            }
        }
    }

    /// Takes an element of a subscription, or `nil` at its end.
    public static func next<Element>(
        of subscription: Broadcast<Element>.Subscription, _ transform: @escaping (Element?) throws -> Value
    ) -> Self {
        SelectCase(in: subscription.line) {
            if let element = try subscription.nextNoWait() { return try transform(element) }
            return subscription.isOver ? try transform(nil) : nil
        }
    }

    /// Takes a change of a ``LatestValue``, or `nil` at the end.
    public static func next<Element>(
        of changes: LatestValue<Element>.Changes.Iterator, _ transform: @escaping (Element?) throws -> Value
    ) -> Self {
        SelectCase(in: changes.line) {
            if let element = changes.nextNoWait() { return try transform(element) }
            return changes.isOver ? try transform(nil) : nil
        }
    }

    /// Waits until an event is set. Leaves it set.
    public static func wait(for event: Event, _ transform: @escaping () throws -> Value) -> Self {
        SelectCase(in: event.line) { event.isSet ? try transform() : nil }
    }

    /// Waits until a future or a task has ended, and takes its value, or throws its error.
    ///
    /// The future is not cancelled if another case is first, nor if the selecting task is cancelled.
    public static func value<A: Awaitable>(of future: A, _ transform: @escaping (A.Value) throws -> Value) -> Self {
        SelectCase {
            future.isDone ? try transform(future.result()) : nil
        } begin: { waiter in
            let callback = future.onDone { _ in waiter.complete() }
            return { future.forget(callback) }
        }
    }

    /// Waits until a duration has passed since this case was created. With zero, ``select(_:)`` does not wait. Put such
    /// a case last, as the default for when nothing else is ready.
    ///
    /// Go: `time.After`, `default`.
    public static func after(_ duration: Duration, _ transform: @escaping () throws -> Value) -> Self {
        let loop = EventLoop.required(for: "select")
        return at(loop.time.advanced(by: duration), on: loop, transform)
    }

    /// Waits until an instant on the clock of ``EventLoop/now``.
    public static func until(
        _ deadline: ContinuousClock.Instant, _ transform: @escaping () throws -> Value
    ) -> Self {
        at(deadline.loopTime, on: EventLoop.required(for: "select"), transform)
    }

    private static func at(_ deadline: Int64, on loop: EventLoop, _ transform: @escaping () throws -> Value) -> Self {
        SelectCase {
            loop.time >= deadline ? try transform() : nil
        } begin: { waiter in
            let timer = loop.schedule(.complete(waiter), at: deadline)
            return { timer.cancel() }
        }
    }
}
