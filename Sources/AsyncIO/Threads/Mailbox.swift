public import DequeModule

/// A FIFO queue that tasks of any event loop, plain Swift tasks, and threads can use.
///
/// A ``Queue`` belongs to one loop. A mailbox is `Sendable`. Use a mailbox to pass values between loops, or between a
/// loop and other threads.
///
/// ```swift
/// let mailbox = Mailbox<String>(maxSize: 100)
///
/// // On a thread:
/// try mailbox.putBlocking("hello")
/// mailbox.shutdown()
///
/// // On a loop:
/// for try await text in mailbox { print(text) }
/// ```
///
/// Items from one sender are received in the order in which that sender put them into the mailbox. Waiting receivers
/// and senders are served in FIFO order, regardless of where they wait. No item is lost when a wait is cancelled, or
/// when the loop of a waiting task is closed.
///
/// An operation that does not wait acquires one mutex. An operation that wakes a waiter on another thread also requires
/// a switch between threads. If senders are waiting because the mailbox is full, a receiver on a loop wakes them
/// together. The receiver does so when half of the mailbox is empty, or at the latest when the receiver suspends or its
/// loop stops.
///
/// asyncio: none; the closest equivalents are the packages `janus` and `culsans`.
//
// Only code that depends on the element's type is inlinable, so that it is specialized in the user's module. The
// rest is in MailboxState.
//
// SAFETY: the lock of `state` guards `items`.
public final class Mailbox<Element: Sendable>: @unchecked Sendable, AsyncSequence {
    @usableFromInline let state: MailboxState
    @usableFromInline @safe @exclusivity(unchecked) var items = Deque<Element>()

    /// The maximum number of items, or `nil` for no limit.
    public let maxSize: Int?

    /// Creates an empty mailbox without a limit.
    public init() {
        maxSize = nil
        state = MailboxState(maxSize: .max)
    }

    /// Creates an empty mailbox.
    ///
    /// - Parameter maxSize: The maximum number of items.
    /// - Precondition: `maxSize` is positive. For a value that is known only at run time, use
    ///   ``init(validatingMaxSize:)``.
    public init(maxSize: Int) {
        if maxSize < 1 { stop(Self.message(maxSize), instead: "Mailbox(validatingMaxSize:)") }
        self.maxSize = maxSize
        state = MailboxState(maxSize: maxSize)
    }

    /// Creates an empty mailbox with a limit that is known only at run time.
    ///
    /// - Parameter maxSize: The maximum number of items.
    /// - Throws: ``ValueError`` if `maxSize` is not positive.
    public init(validatingMaxSize maxSize: Int) throws(ValueError) {
        guard maxSize > 0 else { throw ValueError(Self.message(maxSize)) }
        self.maxSize = maxSize
        state = MailboxState(maxSize: maxSize)
    }

    private static func message(_ maxSize: Int) -> String { "Mailbox maxSize must be at least 1, got \(maxSize)" }

    // MARK: State

    /// The number of items. Other threads can change this number at any time.
    public var count: Int { state.facts.count }

    /// Whether the mailbox is empty. Other threads can change this state at any time.
    public var isEmpty: Bool { count == 0 }

    /// Whether ``put(_:)`` would have to wait. Other threads can change this state at any time.
    public var isFull: Bool { state.facts.isFull }

    /// Whether ``shutdown(immediate:)`` has been called.
    public var isShutDown: Bool { state.facts.isShutDown }

    // MARK: Put

    /// Puts an item at the end of the mailbox, and waits while the mailbox is full.
    ///
    /// If the task is cancelled while it waits, the item is not added.
    ///
    /// - Parameter item: The item.
    /// - Throws: ``QueueShutDown`` if the mailbox was shut down; `CancellationError` if the task is cancelled
    ///   while it waits.
    @inlinable
    public func put(_ item: Element) async throws {
        if MailboxState.mustGiveWay() { try await MailboxState.yield() }
        if try putIfRoom(item) { return }
        try await state.waitForRoom(self)
        try putInReservedPlace(item)
    }

    /// Puts an item at the end of the mailbox.
    ///
    /// - Parameter item: The item.
    /// - Throws: ``QueueFull`` if the mailbox is full; ``QueueShutDown`` if the mailbox was shut down.
    @inlinable
    public func putNoWait(_ item: Element) throws {
        guard try putIfRoom(item) else { throw QueueFull() }
    }

    /// Puts an item at the end of the mailbox, and blocks the calling thread while the mailbox is full.
    ///
    /// - Parameters:
    ///   - item: The item.
    ///   - timeout: The maximum time to wait, or `nil` for no limit.
    /// - Throws: ``QueueShutDown`` if the mailbox was shut down; ``TimeoutError`` if the mailbox is still full after
    ///   `timeout`; ``RuntimeError`` if the calling thread is running an event loop, which this method would block.
    @inlinable
    public func putBlocking(
        _ item: Element, timeout: Duration? = nil, fileID: StaticString = #fileID, line: UInt = #line
    ) throws {
        try MailboxState.checkCanBlock("putBlocking")
        if try putIfRoom(item) { return }
        try state.blockForRoom(timeout, fileID: fileID, line: line)
        try putInReservedPlace(item)
    }

    @inlinable
    func putIfRoom(_ item: Element) throws -> Bool {
        guard try state.beginPut() else { return false }
        items.append(item)
        state.endPut()
        return true
    }

    @inlinable
    func putInReservedPlace(_ item: Element) throws {
        try state.beginReservedPut()
        items.append(item)
        state.endPut()
    }

    // MARK: Get

    /// Removes and returns the first item. This method waits while the mailbox is empty.
    ///
    /// - Throws: ``QueueShutDown`` if the mailbox was shut down and is empty; `CancellationError` if the task
    ///   is cancelled while it waits.
    @inlinable
    public func get() async throws -> Element {
        if MailboxState.mustGiveWay() { try await MailboxState.yield() }
        if let item = try takeFirst() { return item }
        try await state.waitForItem(self)
        return takePromised()
    }

    /// Removes and returns the first item.
    ///
    /// - Throws: ``QueueEmpty`` if the mailbox is empty; ``QueueShutDown`` if the mailbox was shut down and is empty.
    @inlinable
    public func getNoWait() throws -> Element {
        guard let item = try takeFirst() else { throw QueueEmpty() }
        return item
    }

    /// Removes and returns the first item. This method blocks the calling thread while the mailbox is empty.
    ///
    /// - Parameter timeout: The maximum time to wait, or `nil` for no limit.
    /// - Throws: ``QueueShutDown`` if the mailbox was shut down and is empty; ``TimeoutError`` if the mailbox is still
    ///   empty after `timeout`; ``RuntimeError`` if the calling thread is running an event loop, which this method
    ///   would block.
    @inlinable
    public func getBlocking(
        timeout: Duration? = nil, fileID: StaticString = #fileID, line: UInt = #line
    ) throws -> Element {
        try MailboxState.checkCanBlock("getBlocking")
        if let item = try takeFirst() { return item }
        try state.blockForItem(timeout, fileID: fileID, line: line)
        return takePromised()
    }

    @inlinable
    func takeFirst() throws -> Element? {
        guard try state.beginGet() else { return nil }
        let item = items.removeFirst()
        state.endGet()
        return item
    }

    @inlinable
    func takePromised() -> Element {
        state.beginPromisedGet()
        let item = items.removeFirst()
        state.endGet()
        return item
    }

    // MARK: The end

    /// Shuts the mailbox down. After this call, ``put(_:)`` throws ``QueueShutDown``. When the mailbox is empty,
    /// ``get()`` also throws this error, and iterations over the mailbox end. Calling this method again has an effect
    /// only if `immediate` is true.
    ///
    /// - Parameter immediate: Whether the items in the mailbox are dropped.
    ///
    /// asyncio: `Queue.shutdown`.
    public func shutdown(immediate: Bool = false) {
        var dropped = Deque<Element>()
        let promised = state.beginShutdown()
        if immediate {
            while items.count > promised { dropped.append(items.removeLast()) }
        }
        // Items must not be released under the lock, because their `deinit` can run any code.
        withExtendedLifetime(dropped) { state.endShutdown(droppingItems: immediate) }
    }

    // MARK: Iteration

    /// An iterator over the items.
    public struct AsyncIterator: AsyncIteratorProtocol {
        @usableFromInline let mailbox: Mailbox

        /// Returns the next item, or `nil` if the mailbox was shut down and is empty.
        ///
        /// - Throws: `CancellationError` if the task is cancelled while it waits.
        @inlinable
        public mutating func next() async throws -> Element? {
            do { return try await mailbox.get() } catch is QueueShutDown { return nil }
        }

        /// Returns the next item; see ``next()``.
        ///
        /// - Throws: `CancellationError` if the task is cancelled while it waits.
        @inlinable
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Element? {
            do { return try await mailbox.get() } catch is QueueShutDown { return nil }
        }
    }

    /// Returns an iterator over the items. The iterator removes the items that it returns. The iteration ends when the
    /// mailbox has been shut down and is empty.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(mailbox: self) }
}

extension Mailbox: CustomStringConvertible {
    /// A description of the mailbox, with the number of items and the numbers of tasks and threads that are waiting to
    /// get or put items.
    public var description: String {
        let facts = state.facts
        let (count, end) = (facts.count, facts.isShutDown ? ", shut down" : "")
        let size = maxSize.map { "\(count) of \($0) items" } ?? (count == 1 ? "1 item" : "\(count) items")
        return "Mailbox (\(size)\(end), getting: \(facts.getters), putting: \(facts.putters))"
    }
}
