/// Waits until one of several channels has an element, and takes the element. No elements are taken from the other
/// channels.
///
/// ```swift
/// switch try await select(.get(from: jobs) { .job($0) }, .wait(for: stop) { .stop }) {
/// case .job(let job): try await run(job)
/// case .stop: return
/// }
/// ```
///
/// The cases are checked in the given order, so a busy case can starve the cases after it. Put the most urgent case
/// first. If two channels have an element at the same time, no element is lost, in contrast to a
/// ``race(isolation:fileID:line:_:)`` between receiving calls. This function does not create tasks.
///
/// To include a different call, such as a call that reads a line from a stream, run the call as a task and use
/// ``SelectCase/value(of:_:)``. If another case is ready first, use the same task again in the next `select`, so that
/// the value of the task is not lost.
///
/// - Parameter cases: The cases to wait for, each with a closure for its element.
/// - Returns: The value that the selected case returns.
/// - Throws: The errors of the channels, such as ``QueueShutDown``, and of the closures; ``ValueError`` if there are no
///   cases; `CancellationError` if the task is cancelled while it waits. In that case, no element is taken.
/// - Complexity: O(*n*), where *n* is the number of cases.
///
/// asyncio: none. tokio: `select!`, with `biased`. Go: `select`.
@inlinable
public func select<T>(_ cases: SelectCase<T>...) async throws -> T {
    if cases.isEmpty { throw ValueError("select() needs at least one case") }
    try await SelectWait.giveWay()
    for one in cases {
        if let value = try one.take(nil) { return value }
    }
    var value: T?
    try await SelectWait.run(at: cases.map(\.place)) { index, stay in
        value = try cases[index].take(stay)
        return value != nil
    }
    guard let value else { fatalError("select() ended without an element; this is a bug in swift-asyncio") }
    return value
}

/// One of the alternatives that ``select(_:)`` waits for: a channel, a future, an event, or a point in time.
//
// Code that depends on the types of the elements is inlinable, so that it is specialized in the user's module. Waiting
// does not depend on them.
public struct SelectCase<Value> {
    @usableFromInline let place: SelectPlace
    /// A function that takes an element, or returns nil if no element is available. The parameter is the case's wait at
    /// its place, or nil if the case has not waited yet.
    @usableFromInline let take: (SelectStay?) throws -> Value?

    @inlinable
    init(at place: SelectPlace, take: @escaping (SelectStay?) throws -> Value?) {
        self.place = place
        self.take = take
    }
}

/// A place where a case of a ``select(_:)`` waits. Several tasks can wait at the same place.
@usableFromInline
class SelectPlace {
    /// The object that the case waits for.
    var subject: AnyObject? { nil }

    /// Begins to wait. The place completes the waiter when an element may be available.
    ///
    /// - Returns: The object that the place needs to end the wait, in addition to the waiter.
    func begin(_ waiter: Waiter) -> AnyObject? { nil }

    /// Ends the wait. If the waiter was completed and no element was taken, the place lets another task take the
    /// element.
    func end(_ stay: SelectStay) {}
}

/// The state of a case that is waiting at its place.
@usableFromInline
struct SelectStay {
    fileprivate let place: SelectPlace
    let waiter: Waiter
    let token: AnyObject?

    /// Whether the wait is over because an element may be available.
    @usableFromInline
    var isReady: Bool { waiter.isDone }
}

/// Functions for waiting at several places at the same time.
@usableFromInline
enum SelectWait {
    /// Waits until `take` has taken an element.
    ///
    /// - Parameter take: A function that receives the index of a case and the case's wait, and returns whether it has
    ///   taken an element.
    //
    // Not inlinable: Swift 6.3 crashes on some loops with waits that it has inlined.
    @usableFromInline
    static func run(at places: [SelectPlace], _ take: (Int, SelectStay) throws -> Bool) async throws {
        while true {
            let ready = Waiter(for: "select()")
            let callback = DoneCallback { _ in ready.complete() }
            let stays = places.map { place in
                let waiter = Waiter(for: "select()", on: place.subject)
                waiter.register(.call(callback))
                return SelectStay(place: place, waiter: waiter, token: place.begin(waiter))
            }
            // Ends after an element was taken, because an element can belong to a place.
            defer { for stay in stays { stay.place.end(stay) } }
            try await ready.wait()
            for (index, stay) in stays.enumerated() where try take(index, stay) { return }
        }
    }

    /// Lets other tasks run if the current task has been reading and writing for a long time without waiting; see
    /// IOBudget.swift.
    @usableFromInline
    static func giveWay() async throws { if EventLoop.isBudgetSpent { try await AsyncIO.giveWay() } }
}

/// A place in a queue of waiting tasks.
@usableFromInline
class LinePlace: SelectPlace {
    let line: WaitQueue

    @usableFromInline
    init(in line: WaitQueue) { self.line = line }

    override func begin(_ waiter: Waiter) -> AnyObject? {
        line.join(waiter)
        return nil
    }

    override func end(_ stay: SelectStay) { line.leave(stay.waiter) }
}

/// A place among the tasks that wait for an item from a queue.
@usableFromInline
final class QueuePlace: LinePlace {
    private let queue: QueueState

    @usableFromInline
    init(in queue: QueueState) {
        self.queue = queue
        super.init(in: queue.getters)
    }

    override func end(_ stay: SelectStay) {
        super.end(stay)
        if stay.isReady, queue.count > 0 { line.wakeAndRemoveFirst() }
    }
}

/// A place among the tasks that wait for an element from a memory object stream.
@usableFromInline
final class ObjectPlace<Element>: LinePlace {
    private let receiver: ObjectReceiver<Element>
    private var channel: ObjectChannel<Element> { receiver.channel }

    @usableFromInline
    init(of receiver: ObjectReceiver<Element>) {
        self.receiver = receiver
        super.init(in: receiver.channel.receiving)
    }

    override var subject: AnyObject? { receiver }

    override func begin(_ waiter: Waiter) -> AnyObject? {
        defer { channel.beginWaiting() }
        return super.begin(waiter)
    }

    override func end(_ stay: SelectStay) {
        super.end(stay)
        channel.endWaiting()
        if stay.isReady { channel.wakeReceiver() }
    }
}

/// A place among the callbacks of a future.
@usableFromInline
final class FuturePlace: SelectPlace {
    private let future: FutureBase

    @usableFromInline
    init(at future: FutureBase) { self.future = future }

    override func begin(_ waiter: Waiter) -> AnyObject? { future.onDone { _ in waiter.complete() } }

    override func end(_ stay: SelectStay) {
        if let callback = stay.token as? DoneCallback { future.forget(callback) }
    }
}

/// A place among the timers of a loop.
@usableFromInline
final class TimerPlace: SelectPlace {
    private let deadline: Int64
    private let loop: EventLoop

    @usableFromInline
    convenience init(after duration: Duration) {
        let loop = EventLoop.required(for: "select")
        self.init(at: loop.time.advanced(by: duration), on: loop)
    }

    @usableFromInline
    convenience init(at deadline: ContinuousClock.Instant) {
        self.init(at: deadline.loopTime, on: EventLoop.required(for: "select"))
    }

    private init(at deadline: Int64, on loop: EventLoop) {
        self.deadline = deadline
        self.loop = loop
    }

    override func begin(_ waiter: Waiter) -> AnyObject? { loop.schedule(.complete(waiter), at: deadline) }
    override func end(_ stay: SelectStay) { (stay.token as? TimerHandle)?.cancel() }

    @usableFromInline
    var isDue: Bool { loop.time >= deadline }
}

extension SelectCase {
    /// Takes an item from a queue.
    @inlinable
    public static func get<Element>(
        from queue: Queue<Element>, _ transform: @escaping (Element) throws -> Value
    ) -> Self {
        SelectCase(at: QueuePlace(in: queue.state)) { _ in
            queue.isEmpty && !queue.isShutDown ? nil : try transform(queue.getNoWait())
        }
    }

    /// Receives the next element of a memory object stream, or `nil` at the end of the stream.
    @inlinable
    public static func receive<Element>(
        from receiver: ObjectReceiver<Element>, _ transform: @escaping (Element?) throws -> Value
    ) -> Self {
        let channel = receiver.channel
        return SelectCase(at: ObjectPlace(of: receiver)) { stay in
            try receiver.checkOpen()
            // Elements belong to the waiting tasks, unless it is this one's turn.
            if let element = try stay?.isReady ?? false ? channel.takeFirst() : receiver.receiveNoWait() {
                return try transform(element)
            }
            return channel.isOver ? try transform(nil) : nil
        }
    }

    /// Takes the next element of a subscription, or `nil` at the end of the subscription.
    @inlinable
    public static func next<Element>(
        of subscription: Broadcast<Element>.Subscription, _ transform: @escaping (Element?) throws -> Value
    ) -> Self {
        SelectCase(at: LinePlace(in: subscription.line)) { _ in
            if let element = try subscription.nextNoWait() { return try transform(element) }
            return subscription.isOver ? try transform(nil) : nil
        }
    }

    /// Waits for the next change of a ``LatestValue``. The closure receives the new value, or `nil` when the
    /// ``LatestValue`` is closed.
    @inlinable
    public static func next<Element>(
        of changes: LatestValue<Element>.Changes.Iterator, _ transform: @escaping (Element?) throws -> Value
    ) -> Self {
        SelectCase(at: LinePlace(in: changes.line)) { _ in
            if let element = changes.nextNoWait() { return try transform(element) }
            return changes.isOver ? try transform(nil) : nil
        }
    }

    /// Waits until an event is set. The event stays set.
    @inlinable
    public static func wait(for event: Event, _ transform: @escaping () throws -> Value) -> Self {
        SelectCase(at: LinePlace(in: event.line)) { _ in event.isSet ? try transform() : nil }
    }

    /// Waits until a future or a task has ended, and takes the value of the future or throws its error.
    ///
    /// The future is not cancelled if another case is ready first or if the selecting task is cancelled.
    @inlinable
    public static func value<A: Awaitable>(of future: A, _ transform: @escaping (A.Value) throws -> Value) -> Self {
        SelectCase(at: FuturePlace(at: future)) { _ in future.isDone ? try transform(future.result()) : nil }
    }

    /// Waits until a duration has passed since this case was created. If the duration is zero, ``select(_:)`` does not
    /// wait. Put a case with a duration of zero last, so that it serves as the default when no other case is ready.
    ///
    /// Go: `time.After`, `default`.
    @inlinable
    public static func after(_ duration: Duration, _ transform: @escaping () throws -> Value) -> Self {
        due(TimerPlace(after: duration), transform)
    }

    /// Waits until the given instant on the loop's clock; see ``EventLoop/now``.
    @inlinable
    public static func until(
        _ deadline: ContinuousClock.Instant, _ transform: @escaping () throws -> Value
    ) -> Self {
        due(TimerPlace(at: deadline), transform)
    }

    @inlinable
    static func due(_ place: TimerPlace, _ transform: @escaping () throws -> Value) -> Self {
        SelectCase(at: place) { _ in place.isDue ? try transform() : nil }
    }
}
