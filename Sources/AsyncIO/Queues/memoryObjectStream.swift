public import DequeModule

/// Creates a channel with separate ends for sending and receiving.
///
/// ```swift
/// let (sender, receiver) = memoryObjectStream(of: Job.self, capacity: 10)
/// createTask { for try await job in receiver { try await run(job) } }
/// try await sender.send(job)
/// sender.close()
/// ```
///
/// You can clone each end. An end is closed when it is released. When the last sender is closed, the receivers get the
/// elements that were sent earlier, and then reach the end of the stream. When the last receiver is closed, sending an
/// element throws an error. Therefore, unlike with a ``Queue``, neither side waits forever if the other side no longer
/// exists.
///
/// - Parameters:
///   - type: The type of the elements.
///   - capacity: The maximum number of buffered elements. If this is 0, a sender waits until a receiver is waiting.
/// - Precondition: `capacity` is not negative. For a number that is known only at run time, use
///   ``memoryObjectStream(of:validatingCapacity:)``.
///
/// asyncio: none. anyio: `create_memory_object_stream`. trio: `open_memory_channel`. tokio: `mpsc`.
public func memoryObjectStream<Element>(
    of type: Element.Type = Element.self, capacity: Int = 0
) -> (sender: ObjectSender<Element>, receiver: ObjectReceiver<Element>) {
    if let mistake = mistake(inCapacity: capacity) { stop(mistake, instead: "memoryObjectStream(validatingCapacity:)") }
    let channel = ObjectChannel<Element>(capacity: capacity)
    return (ObjectSender(channel), ObjectReceiver(channel))
}

/// Creates a channel whose capacity is known only at run time; see ``memoryObjectStream(of:capacity:)``.
///
/// - Throws: ``ValueError`` if the capacity is negative.
public func memoryObjectStream<Element>(
    of type: Element.Type = Element.self, validatingCapacity capacity: Int
) throws(ValueError) -> (sender: ObjectSender<Element>, receiver: ObjectReceiver<Element>) {
    if let mistake = mistake(inCapacity: capacity) { throw ValueError(mistake) }
    return memoryObjectStream(of: type, capacity: capacity)
}

private func mistake(inCapacity capacity: Int) -> String? {
    capacity < 0 ? "the capacity of a memory object stream must not be negative, got \(capacity)" : nil
}

/// The state that the ends of a memory object stream share. Use this class only on the loop's thread.
//
// Code that depends on the element's type is inlinable, so that it is specialized in the user's module. Code that waits
// is not inlinable; see Broadcast.swift.
@usableFromInline
final class ObjectChannel<Element> {
    @usableFromInline @safe @exclusivity(unchecked) var elements = Deque<Element>()
    @usableFromInline let capacity: Int
    @usableFromInline let receiving = WaitQueue()
    @usableFromInline let sending = WaitQueue()
    /// The number of tasks that are waiting for an element. Each of these tasks makes room for one element in addition
    /// to the capacity.
    @usableFromInline @safe @exclusivity(unchecked) var waitingReceivers = 0
    /// The number of open senders.
    @usableFromInline @safe @exclusivity(unchecked) private(set) var senders = 0
    /// The number of open receivers.
    @usableFromInline @safe @exclusivity(unchecked) private(set) var receivers = 0

    init(capacity: Int) { self.capacity = capacity }

    func open(sender: Bool) {
        if sender { senders += 1 } else { receivers += 1 }
    }

    func close(sender: Bool) {
        if sender {
            senders -= 1
            if senders == 0 { receiving.wake() }
        } else {
            receivers -= 1
            if receivers == 0 { end() }
        }
    }

    private func end() {
        elements = []
        sending.wake()
        receiving.wake()
    }

    var count: Int { elements.count }
    @inlinable
    var isFull: Bool { elements.count - waitingReceivers >= capacity }

    // MARK: Sending

    @inlinable
    func sendNoWait(_ element: Element) throws {
        if receivers == 0 { throw BrokenStreamError() }
        if isFull || sending.hasLiveWaiter { throw QueueFull() }
        append(element)
    }

    /// Whether a sender must wait.
    @inlinable
    var mustWaitForRoom: Bool { receivers > 0 && (isFull || sending.hasLiveWaiter) }

    /// Sends an element. Call this method only when it is the caller's turn.
    @inlinable
    func sendNow(_ element: Element) throws {
        if receivers == 0 { throw BrokenStreamError() }
        append(element)
        wakeSender()
    }

    /// Waits until it is the caller's turn to send, until `sender` is closed, or until all receivers are closed.
    @usableFromInline
    func waitForRoom(of sender: ObjectSender<Element>) async throws {
        // A task that was woken stays in line until it runs, so that no later task takes its place.
        var mustWait = true
        while mustWait, receivers > 0, !sender.isClosed {
            try await sending.park(
                for: "ObjectSender.send()", on: sender, ifCancelled: { wasWoken in if wasWoken { wakeSender() } })
            mustWait = isFull
        }
        if sender.isClosed { wakeSender() }
    }

    @inlinable
    func append(_ element: Element) {
        elements.append(element)
        receiving.wake(1)
    }

    @inlinable
    func wakeSender() { if !isFull { sending.wake(1) } }

    // MARK: Receiving

    /// Takes an element, unless the available elements are reserved for waiting tasks.
    @inlinable
    func receiveNoWait() -> Element? { receiving.hasLiveWaiter ? nil : takeFirst() }

    /// Takes an element. Call this method only when it is the caller's turn.
    @inlinable
    func takeFirst() -> Element? {
        guard let element = elements.popFirst() else { return nil }
        wakeSender()
        // There are no more elements for the tasks that waited behind this one.
        if isOver { receiving.wake() }
        return element
    }

    /// Whether no more elements can be received.
    @inlinable
    var isOver: Bool { elements.isEmpty && (senders == 0 || receivers == 0) }

    /// Waits for an element. Returns nil at the end of the stream.
    @usableFromInline
    func waitForElement(for receiver: ObjectReceiver<Element>) async throws -> Element? {
        while !isOver {
            beginWaiting()
            defer { endWaiting() }
            try await receiving.park(
                for: "ObjectReceiver.receive()", on: receiver, ifCancelled: { if $0 { wakeReceiver() } })
            if receiver.isClosed { break }
            guard let element = takeFirst() else { continue }
            wakeReceiver()
            return element
        }
        if receiver.isClosed {
            wakeReceiver()
            try receiver.checkOpen()
        }
        return nil
    }

    /// Records that a task is waiting for an element, and wakes a sender if the waiting task makes room for another
    /// element.
    @inlinable
    func beginWaiting() {
        waitingReceivers += 1
        wakeSender()
    }

    @inlinable
    func endWaiting() { waitingReceivers -= 1 }

    /// Wakes another receiver if an element has not been taken.
    @inlinable
    func wakeReceiver() { if !elements.isEmpty { receiving.wake(1) } }
}

/// The sending end of a memory object stream; see ``memoryObjectStream(of:capacity:)``.
///
/// Tasks that are waiting to send are served in FIFO order.
///
/// anyio: `MemoryObjectSendStream`. tokio: `mpsc::Sender`.
public final class ObjectSender<Element> {
    @usableFromInline let channel: ObjectChannel<Element>

    /// Whether ``close()`` was called.
    @safe @exclusivity(unchecked) public private(set) var isClosed = false

    init(_ channel: ObjectChannel<Element>) {
        self.channel = channel
        channel.open(sender: true)
    }

    deinit { close() }

    /// Sends an element. This method waits until the buffer has room or a receiver is waiting.
    ///
    /// - Throws: ``BrokenStreamError`` if all receivers are closed; ``RuntimeError`` if this sender is closed before
    ///   the call or while the task waits; `CancellationError` if the task is cancelled while it waits. In these cases,
    ///   the element is not sent.
    @inlinable
    public func send(_ element: Element) async throws {
        if !isClosed, channel.mustWaitForRoom { try await channel.waitForRoom(of: self) }
        try sendAtOnce(element)
    }

    @inlinable
    func sendAtOnce(_ element: Element) throws {
        try checkOpen()
        try channel.sendNow(element)
    }

    /// Sends an element without waiting.
    ///
    /// - Throws: ``QueueFull`` if sending the element would require waiting; ``BrokenStreamError`` if all receivers are
    ///   closed; ``RuntimeError`` if this sender is closed.
    @inlinable
    public func sendNoWait(_ element: Element) throws {
        try checkOpen()
        try channel.sendNoWait(element)
    }

    /// Returns another sender for the same channel. You must also close the new sender.
    ///
    /// - Throws: ``RuntimeError`` if this sender is closed.
    public func clone() throws(RuntimeError) -> ObjectSender {
        try checkOpen()
        return ObjectSender(channel)
    }

    /// Closes this sender. Tasks that are waiting to send with this sender get an error. If the sender is already
    /// closed, this method does nothing.
    ///
    /// - Complexity: O(*n*), where *n* is the number of waiting tasks.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        channel.close(sender: true)
        channel.sending.wake(on: self)
    }

    @inlinable
    func checkOpen() throws(RuntimeError) { if isClosed { throw RuntimeError("the sender is closed") } }
}

/// The receiving end of a memory object stream; see ``memoryObjectStream(of:capacity:)``.
///
/// Each element is delivered to exactly one receiver. Waiting tasks are served in FIFO order. To send each element to
/// all receivers, use a ``Broadcast``.
///
/// anyio: `MemoryObjectReceiveStream`. tokio: `mpsc::Receiver`.
public final class ObjectReceiver<Element>: AsyncSequence, AsyncIteratorProtocol {
    /// The iteration throws an error if the task is cancelled or the receiver is closed.
    public typealias Failure = any Error

    @usableFromInline let channel: ObjectChannel<Element>

    /// Whether ``close()`` was called.
    @safe @exclusivity(unchecked) public private(set) var isClosed = false

    init(_ channel: ObjectChannel<Element>) {
        self.channel = channel
        channel.open(sender: false)
    }

    deinit { close() }

    /// The number of elements that can be received without waiting.
    public var count: Int { channel.count }

    /// Waits until an element is available, and receives the element.
    ///
    /// - Returns: The element, or `nil` if all senders are closed and all elements were received.
    /// - Throws: ``RuntimeError`` if this receiver is closed before the call or while the task waits;
    ///   `CancellationError` if the task is cancelled while it waits. In these cases, no element is lost.
    @inlinable
    public func receive() async throws -> Element? {
        if let element = try receiveNoWait() { return element }
        return try await channel.waitForElement(for: self)
    }

    /// Receives an element without waiting. Returns `nil` if no element is available or if the available elements are
    /// reserved for waiting tasks.
    ///
    /// - Throws: ``RuntimeError`` if this receiver is closed.
    @inlinable
    public func receiveNoWait() throws(RuntimeError) -> Element? {
        try checkOpen()
        return channel.receiveNoWait()
    }

    /// Returns the receiver itself.
    public func makeAsyncIterator() -> ObjectReceiver { self }

    /// Receives an element; see ``receive()``.
    ///
    /// - Throws: The same errors as ``receive()``, including `CancellationError` if the task is cancelled.
    @inlinable
    public func next() async throws -> Element? { try await receive() }

    /// Receives an element; see ``receive()``.
    ///
    /// - Throws: The same errors as ``receive()``, including `CancellationError` if the task is cancelled.
    @inlinable
    public func next(isolation actor: isolated (any Actor)?) async throws -> Element? { try await receive() }

    /// Returns another receiver for the same channel.
    ///
    /// - Throws: ``RuntimeError`` if this receiver is closed.
    public func clone() throws(RuntimeError) -> ObjectReceiver {
        try checkOpen()
        return ObjectReceiver(channel)
    }

    /// Closes this receiver. Tasks that are waiting to receive with this receiver get an error. When the last receiver
    /// is closed, elements that were not received are dropped. If the receiver is already closed, this method does
    /// nothing.
    ///
    /// - Complexity: O(*n*), where *n* is the number of waiting tasks.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        channel.close(sender: false)
        channel.receiving.wake(on: self)
    }

    @inlinable
    func checkOpen() throws(RuntimeError) { if isClosed { throw RuntimeError("the receiver is closed") } }
}

/// An error thrown when a task sends an element but all receivers are closed.
///
/// anyio: `BrokenResourceError`. tokio: `SendError`.
public struct BrokenStreamError: Error, CustomStringConvertible {
    /// Creates an error.
    public init() {}
    /// The message of the error.
    public var description: String { "all receivers are closed" }
}
