public import DequeModule

/// A channel that delivers each element to all of its subscribers.
///
/// ```swift
/// let prices = Broadcast<Price>(capacity: 100)
/// createTask { for try await price in prices.subscribe() { show(price) } }
/// try await prices.send(price)
/// ```
///
/// Each subscription has its own position, and gets the elements that are sent after it was created. An element is
/// buffered until all subscriptions have taken it. The ``Lag`` policy decides what happens to subscriptions that cannot
/// keep up.
///
/// asyncio: none. tokio: `broadcast`.
//
// Code that depends on the element's type is inlinable, so that it is specialized in the user's module. Code that waits
// is not inlinable, because Swift 6.3 crashes on some loops with inlined waits.
public final class Broadcast<Element> {
    /// What to do when a subscription has fallen behind by as many elements as the channel can hold.
    ///
    /// tokio's `broadcast` always behaves like ``fail``.
    public enum Lag: Sendable {
        /// Drop the oldest element. ``Subscription/missedCount`` counts it.
        case dropOldest
        /// Drop the oldest element, and make the subscription throw a ``BroadcastLagError`` once, with the number of
        /// elements that it has missed. The subscription then continues with the oldest remaining element.
        case fail
        /// Make the sender wait. The slowest subscription determines the pace.
        case wait
    }

    @usableFromInline
    struct Slot {
        @usableFromInline let element: Element
        /// The number of subscriptions that have not taken the element.
        @usableFromInline var left: Int

        @inlinable
        init(element: Element, left: Int) {
            self.element = element
            self.left = left
        }
    }

    // Loop thread only: the class is not Sendable, and each wait checks the thread.
    @usableFromInline @safe @exclusivity(unchecked) var slots = Deque<Slot>()
    /// The number of the first slot. Elements are numbered as they are sent.
    @usableFromInline @safe @exclusivity(unchecked) var first = 0
    @usableFromInline let subscribers = WaitQueue()
    @usableFromInline let senders = WaitQueue()

    /// The maximum number of elements that the channel holds for its slowest subscription.
    public let capacity: Int
    /// What to do about subscriptions that cannot keep up.
    public let lag: Lag
    /// The number of subscriptions.
    @safe @exclusivity(unchecked) public internal(set) var subscriberCount = 0
    /// Whether ``close()`` was called.
    @safe @exclusivity(unchecked) public private(set) var isClosed = false

    /// Creates a channel without subscriptions.
    ///
    /// - Parameters:
    ///   - capacity: The maximum number of elements that the channel holds for its slowest subscription.
    ///   - lag: What to do about subscriptions that cannot keep up.
    /// - Precondition: `capacity` is at least 1. For a number that is known only at run time, use
    ///   ``init(validatingCapacity:lag:)``.
    public init(capacity: Int, lag: Lag = .dropOldest) {
        if capacity < 1 { stop(Self.message(capacity), instead: "Broadcast(validatingCapacity:)") }
        self.capacity = capacity
        self.lag = lag
    }

    /// Creates a channel with a capacity that is known only at run time; see ``init(capacity:lag:)``.
    ///
    /// - Throws: ``ValueError`` if the capacity is less than 1.
    public convenience init(validatingCapacity capacity: Int, lag: Lag = .dropOldest) throws(ValueError) {
        guard capacity >= 1 else { throw ValueError(Self.message(capacity)) }
        self.init(capacity: capacity, lag: lag)
    }

    private static func message(_ capacity: Int) -> String { "capacity must be at least 1, got \(capacity)" }

    // MARK: Sending

    /// Sends an element to all subscriptions. If there are none, the element is dropped.
    ///
    /// With the policy ``Lag/wait``, this method waits until there is room. With the other policies, it does not wait.
    /// Waiting tasks are served in FIFO order.
    ///
    /// - Throws: ``QueueShutDown`` if the channel is closed; `CancellationError` if the task is cancelled while it
    ///   waits. In that case, the element is not sent.
    /// - Complexity: O(*n*), where *n* is the number of tasks that wait for an element.
    ///
    /// tokio: `broadcast::Sender::send`.
    @inlinable
    public func send(_ element: Element) async throws {
        if lag == .wait { try await waitForRoom() }
        try append(element)
        wakeSender()
    }

    @usableFromInline
    func waitForRoom() async throws {
        // A task that was woken stays in line until it runs, so that no later task takes its place.
        var mustWait = isFull || senders.hasLiveWaiter
        while mustWait, !isClosed {
            try await senders.park(
                for: "Broadcast.send()", on: self, ifCancelled: { wasWoken in if wasWoken { wakeSender() } })
            mustWait = isFull
        }
    }

    @inlinable
    func wakeSender() { if !isFull { senders.wake(1) } }

    /// Sends an element to all subscriptions without waiting. If there are none, the element is dropped.
    ///
    /// - Throws: ``QueueFull`` if the policy is ``Lag/wait``, and there is no room or other tasks are waiting to send;
    ///   ``QueueShutDown`` if the channel is closed.
    /// - Complexity: O(*n*), where *n* is the number of tasks that wait for an element.
    @inlinable
    public func sendNoWait(_ element: Element) throws {
        if lag == .wait, !isClosed, isFull || senders.hasLiveWaiter { throw QueueFull() }
        try append(element)
    }

    @inlinable
    func append(_ element: Element) throws {
        if isClosed { throw QueueShutDown() }
        guard subscriberCount > 0 else { return }
        if isFull { dropFirst() }
        slots.append(Slot(element: element, left: subscriberCount))
        subscribers.wake()
    }

    @inlinable
    var isFull: Bool { slots.count == capacity }

    @inlinable
    func dropFirst() {
        slots.removeFirst()
        first += 1
    }

    /// Closes the channel. Subscriptions get the elements that were sent before, and then end. Calling this again does
    /// nothing.
    public func close() {
        isClosed = true
        subscribers.wake()
        senders.wake()
    }

    // MARK: Receiving

    /// Returns a subscription to the elements that are sent from now on.
    ///
    /// tokio: `broadcast::Sender::subscribe`.
    public func subscribe() -> Subscription { Subscription(of: self) }

    /// Gives up the elements that a subscription has not taken.
    private func forget(from position: Int) {
        for index in max(0, position - first)..<slots.count { slots[index].left -= 1 }
        dropTaken()
    }

    @inlinable
    func dropTaken() {
        var dropped = 0
        while let slot = slots.first, slot.left == 0 {
            dropFirst()
            dropped += 1
        }
        if dropped > 0 { senders.wake(dropped) }
    }

    /// One of the receivers of a ``Broadcast``. It ends when it is released.
    ///
    /// Only one task can iterate over a subscription at a time.
    ///
    /// tokio: `broadcast::Receiver`.
    public final class Subscription: AsyncSequence, AsyncIteratorProtocol {
        /// Iterating throws `CancellationError` if the task is cancelled, and can throw ``BroadcastLagError``.
        public typealias Failure = any Error

        @usableFromInline let channel: Broadcast
        /// The number of the next element.
        @usableFromInline @safe @exclusivity(unchecked) var position: Int

        /// The number of elements that were dropped because this subscription did not take them in time.
        public internal(set) var missedCount = 0

        fileprivate init(of channel: Broadcast) {
            self.channel = channel
            position = channel.first + channel.slots.count
            channel.subscriberCount += 1
        }

        deinit {
            channel.subscriberCount -= 1
            channel.forget(from: Swift.max(position, channel.first))
        }

        /// The number of elements that can be taken without waiting.
        @inlinable
        public var count: Int { channel.first + channel.slots.count - Swift.max(position, channel.first) }

        /// Returns the subscription itself.
        public func makeAsyncIterator() -> Subscription { self }

        /// Takes the next element. Waits until an element is available.
        ///
        /// - Returns: The element, or `nil` if the channel is closed and everything was taken.
        /// - Throws: ``BroadcastLagError`` if elements were missed and the policy is ``Broadcast/Lag/fail``;
        ///   `CancellationError` if the task is cancelled while it waits. In that case, no element is lost.
        @inlinable
        public func next() async throws -> Element? {
            if count == 0 { try await waitForElement() }
            return try nextNoWait()
        }

        /// Waits until there is an element, or the channel is closed.
        @usableFromInline
        func waitForElement() async throws {
            while count == 0, !channel.isClosed {
                try await channel.subscribers.park(for: "Broadcast.Subscription.next()", on: self)
            }
        }

        /// Takes the next element; see ``next()``.
        ///
        /// - Throws: The same errors as ``next()``, including `CancellationError` if the task is cancelled.
        @inlinable
        public func next(isolation actor: isolated (any Actor)?) async throws -> Element? { try await next() }

        /// Takes the next element, or returns `nil` if no element is available.
        ///
        /// - Throws: ``BroadcastLagError`` if elements were missed and the policy is ``Broadcast/Lag/fail``.
        @inlinable
        public func nextNoWait() throws -> Element? {
            if position < channel.first { try skipMissed() }
            let index = position - channel.first
            guard index < channel.slots.count else { return nil }
            position += 1
            channel.slots[index].left -= 1
            let element = channel.slots[index].element
            if index == 0 { channel.dropTaken() }
            return element
        }

        /// Skips to the oldest element that is left.
        @usableFromInline
        func skipMissed() throws(BroadcastLagError) {
            let missed = channel.first - position
            missedCount += missed
            position = channel.first
            if channel.lag == .fail { throw BroadcastLagError(missedCount: missed) }
        }

        @usableFromInline
        var line: WaitQueue { channel.subscribers }
        @usableFromInline
        var isOver: Bool { channel.isClosed && count == 0 }
    }
}

/// An error thrown to a subscription that was too slow; see ``Broadcast/Lag/fail``.
///
/// tokio: `RecvError::Lagged`.
public struct BroadcastLagError: Error, CustomStringConvertible {
    /// The number of elements that were missed.
    public let missedCount: Int

    /// The error as text.
    public var description: String { "the subscription was too slow and missed \(missedCount) elements" }
}
