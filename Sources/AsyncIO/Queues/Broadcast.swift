public import DequeModule

/// A channel that delivers each element to all of its subscribers.
///
/// ```swift
/// let prices = Broadcast<Price>(capacity: 100)
/// createTask { for try await price in prices.subscribe() { show(price) } }
/// try await prices.send(price)
/// ```
///
/// Each subscription has its own position, and gets the elements that are sent after the subscription was created. An
/// element is buffered until all subscriptions have taken the element. The ``Lag`` policy determines what happens to
/// subscriptions that cannot keep up.
///
/// asyncio: none. tokio: `broadcast`.
//
// Code that depends on the element's type is inlinable, so that it is specialized in the user's module. Code that waits
// is not inlinable, because Swift 6.3 crashes on some loops with inlined waits.
public final class Broadcast<Element> {
    /// The policy for a subscription that has fallen behind by as many elements as the channel can hold.
    ///
    /// tokio's `broadcast` always behaves like ``fail``.
    public enum Lag: Sendable {
        /// Drop the oldest element. The dropped element is included in ``Subscription/missedCount``.
        case dropOldest
        /// Drop the oldest element, and make the subscription throw a ``BroadcastLagError`` once. The error contains
        /// the number of elements that the subscription has missed. After the error, the subscription continues with
        /// the oldest remaining element.
        case fail
        /// Make the sender wait until the slowest subscription has taken an element.
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
    /// The number of the first slot. Elements are numbered in the order in which they are sent.
    @usableFromInline @safe @exclusivity(unchecked) var first = 0
    @usableFromInline let subscribers = WaitQueue()
    @usableFromInline let senders = WaitQueue()

    /// The maximum number of elements that the channel holds for its slowest subscription.
    public let capacity: Int
    /// The policy for subscriptions that cannot keep up.
    public let lag: Lag
    /// The number of subscriptions.
    @safe @exclusivity(unchecked) public internal(set) var subscriberCount = 0
    /// Whether ``close()`` was called.
    @safe @exclusivity(unchecked) public private(set) var isClosed = false

    /// Creates a channel without subscriptions.
    ///
    /// - Parameters:
    ///   - capacity: The maximum number of elements that the channel holds for its slowest subscription.
    ///   - lag: The policy for subscriptions that cannot keep up.
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

    /// Sends an element to all subscriptions. If the channel has no subscriptions, the element is dropped.
    ///
    /// With the policy ``Lag/wait``, this method waits until the channel has room. With the other policies, this method
    /// does not wait. Waiting tasks are served in FIFO order.
    ///
    /// - Throws: ``QueueShutDown`` if the channel is closed; `CancellationError` if the task is cancelled while it
    ///   waits. In that case, the element is not sent.
    /// - Complexity: O(*n*), where *n* is the number of tasks that are waiting for an element.
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

    /// Sends an element to all subscriptions without waiting. If the channel has no subscriptions, the element is
    /// dropped.
    ///
    /// - Throws: ``QueueFull`` if the policy is ``Lag/wait`` and sending the element would require waiting;
    ///   ``QueueShutDown`` if the channel is closed.
    /// - Complexity: O(*n*), where *n* is the number of tasks that are waiting for an element.
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

    /// Closes the channel. Subscriptions get the elements that were sent before this call, and then end. If the channel
    /// is already closed, this method does nothing.
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

    /// Releases the elements that a subscription has not taken.
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

    /// A receiver of a ``Broadcast``. The subscription ends when it is released.
    ///
    /// Only one task can iterate over a subscription at a time.
    ///
    /// tokio: `broadcast::Receiver`.
    public final class Subscription: AsyncSequence, AsyncIteratorProtocol {
        /// The iteration throws `CancellationError` if the task is cancelled, and can throw ``BroadcastLagError``.
        public typealias Failure = any Error

        @usableFromInline let channel: Broadcast
        /// The number of the next element to take.
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

        /// Waits until an element is available, and takes the element.
        ///
        /// - Returns: The element, or `nil` if the channel is closed and the subscription has taken all elements.
        /// - Throws: ``BroadcastLagError`` if elements were missed and the policy is ``Broadcast/Lag/fail``;
        ///   `CancellationError` if the task is cancelled while it waits. In that case, no element is lost.
        @inlinable
        public func next() async throws -> Element? {
            if count == 0 { try await waitForElement() }
            return try nextNoWait()
        }

        /// Waits until an element is available or the channel is closed.
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

        /// Skips to the oldest remaining element.
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

/// An error thrown by a subscription that was too slow; see ``Broadcast/Lag/fail``.
///
/// tokio: `RecvError::Lagged`.
public struct BroadcastLagError: Error, CustomStringConvertible {
    /// The number of elements that the subscription missed.
    public let missedCount: Int

    /// A description of the error.
    public var description: String { "the subscription was too slow and missed \(missedCount) elements" }
}
