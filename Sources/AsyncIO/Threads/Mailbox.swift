internal import AsyncIOSystem
internal import DequeModule

// # The mailbox
//
// Everything is guarded by one lock, which nobody holds while it waits or wakes. A waiter is in one of these
// states:
//
//     waiting   in the line of getters or putters;
//     served    removed from the line by somebody else: a getter has an item; a putter has a free place that
//               is reserved for it, and puts its item there when it runs;
//     refused   removed because the mailbox was shut down;
//     left      removed by its own task, which was cancelled, or whose time is up.
//
// So an item is in the mailbox, on its way to one getter, or with its putter. A getter that is cancelled after
// it was served returns the item to the front, where the next getter finds it. A putter that is cancelled
// passes its place on. Nobody can overtake a waiter, because what is free is given to the first one in line
// before others see it.
//
// A task on a loop waits with the loop's own means, so that reports name the wait and cancellation is asyncio's.
// Other Swift tasks wait with a continuation, and threads at a gate.

/// A first-in, first-out queue for tasks of any event loop, plain Swift tasks, and threads.
///
/// A ``Queue`` belongs to one loop. A mailbox is `Sendable`: use it to pass values between loops, or between a
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
/// Items from one sender are received in the order in which it put them. Waiting receivers and senders are served in
/// FIFO order, wherever they wait. Cancelling a wait loses no item.
///
/// An operation that does not wait costs a lock. One that wakes a waiter on another thread costs a thread
/// crossing.
///
/// asyncio: none; the packages `janus` and `culsans` have such queues.
public final class Mailbox<Element: Sendable>: Sendable, AsyncSequence {
    private struct State {
        var items = Deque<Element>()
        var getters = WaiterLine<Element>()
        var putters = WaiterLine<Element>()
        /// Places that are free, but promised to putters that were served.
        var reserved = 0
        var isShutDown = false
    }

    private let state = Guarded(State())

    /// The maximum number of items, or `nil` for no limit.
    public let maxSize: Int?

    /// Creates an empty mailbox without a limit.
    public init() { maxSize = nil }

    /// Creates an empty mailbox.
    ///
    /// - Parameter maxSize: The maximum number of items.
    /// - Precondition: `maxSize` is positive. For a value from outside the program, use ``init(validatingMaxSize:)``.
    public init(maxSize: Int) {
        if maxSize < 1 { stop(Self.message(maxSize), instead: "Mailbox(validatingMaxSize:)") }
        self.maxSize = maxSize
    }

    /// Creates an empty mailbox with a limit that is computed or comes from outside the program.
    ///
    /// - Parameter maxSize: The maximum number of items.
    /// - Throws: ``ValueError`` if `maxSize` is not positive.
    public init(validatingMaxSize maxSize: Int) throws(ValueError) {
        guard maxSize > 0 else { throw ValueError(Self.message(maxSize)) }
        self.maxSize = maxSize
    }

    private static func message(_ maxSize: Int) -> String { "Mailbox maxSize must be at least 1, got \(maxSize)" }

    // MARK: State

    /// The number of items. Another thread may have changed it by the time you read it.
    public var count: Int { state.withLock { $0.items.count } }

    /// Whether there are no items. Another thread may have changed that by the time you read it.
    public var isEmpty: Bool { count == 0 }

    /// Whether a put would have to wait. Another thread may have changed that by the time you read it.
    public var isFull: Bool { state.withLock { isFull($0) } }

    /// Whether ``shutdown(immediate:)`` was called.
    public var isShutDown: Bool { state.withLock { $0.isShutDown } }

    private func isFull(_ state: borrowing State) -> Bool {
        guard let maxSize else { return false }
        return state.items.count + state.reserved >= maxSize
    }

    // MARK: Put

    /// Puts an item at the end, and waits while the mailbox is full.
    ///
    /// If the task is cancelled while it waits, the item is not put.
    ///
    /// - Parameter item: The item.
    /// - Throws: ``QueueShutDown`` if the mailbox was shut down; `CancellationError` if the task is cancelled
    ///   while it waits.
    public func put(_ item: Element) async throws {
        try await giveWayIfDue()
        if try putNow(item, joiningAs: nil) { return }
        let waiter = MailboxWaiter<Element>(.ofThisTask("Mailbox.put()", on: self))
        if try putNow(item, joiningAs: waiter) { return }
        try await wait(waiter, in: \.putters, whenCancelled: passPlaceOn)
        try putInReservedPlace(item)
    }

    /// Puts an item at the end.
    ///
    /// - Parameter item: The item.
    /// - Throws: ``QueueFull`` if the mailbox is full; ``QueueShutDown`` if it was shut down.
    public func putNoWait(_ item: Element) throws {
        guard try putNow(item, joiningAs: nil) else { throw QueueFull() }
    }

    /// Puts an item at the end, and blocks the calling thread while the mailbox is full.
    ///
    /// - Parameters:
    ///   - item: The item.
    ///   - timeout: The maximum time to wait, or `nil` for no limit.
    /// - Throws: ``QueueShutDown`` if the mailbox was shut down; ``TimeoutError`` if the time is up;
    ///   ``RuntimeError`` if the calling thread runs an event loop, which it would block.
    public func putBlocking(
        _ item: Element, timeout: Duration? = nil, fileID: StaticString = #fileID, line: UInt = #line
    ) throws {
        try Self.checkCanBlock("putBlocking")
        if try putNow(item, joiningAs: nil) { return }
        let waiter = MailboxWaiter<Element>(.gate(ThreadGate()))
        if try putNow(item, joiningAs: waiter) { return }
        try block(
            waiter, in: \.putters, timeout, CreationSite(fileID: fileID, line: line), whenLate: passPlaceOn)
        try putInReservedPlace(item)
    }

    /// Puts the item if there is room. Otherwise, `waiter` joins the line of putters.
    ///
    /// - Returns: Whether the item was put.
    private func putNow(_ item: Element, joiningAs waiter: MailboxWaiter<Element>?) throws -> Bool {
        let (isPut, served) = try state.withLock { state throws -> (Bool, MailboxWaiter<Element>?) in
            if state.isShutDown { throw QueueShutDown() }
            guard state.putters.isEmpty, !isFull(state) else {
                if let waiter { state.putters.append(waiter) }
                return (false, nil)
            }
            return (true, Self.accept(item, &state))
        }
        if let served { deliver(served) }
        return isPut
    }

    private func putInReservedPlace(_ item: Element) throws {
        let (getter, putter) = try state.withLock { state throws in
            state.reserved -= 1
            // What was accepted before a shutdown is delivered; this was not accepted yet.
            if state.isShutDown { throw QueueShutDown() }
            // If a getter was waiting, the place is still free.
            return (Self.accept(item, &state), reservePlace(&state))
        }
        if let getter { deliver(getter) }
        if let putter { deliver(putter) }
    }

    /// Gives an item to the first getter in line, which is returned, or adds it at the end or at the front.
    private static func accept(
        _ item: Element, atFront: Bool = false, _ state: inout State
    ) -> MailboxWaiter<Element>? {
        guard let getter = state.getters.popFirst() else {
            if atFront { state.items.prepend(item) } else { state.items.append(item) }
            return nil
        }
        getter.phase = .served
        getter.item = item
        return getter
    }

    /// Called for a putter that does not use the place that it was given.
    private func passPlaceOn(_ waiter: MailboxWaiter<Element>, _ state: inout State) -> MailboxWaiter<Element>? {
        state.reserved -= 1
        return reservePlace(&state)
    }

    /// Reserves a free place for the first putter in line, which is returned.
    private func reservePlace(_ state: inout State) -> MailboxWaiter<Element>? {
        guard !isFull(state), let putter = state.putters.popFirst() else { return nil }
        putter.phase = .served
        state.reserved += 1
        return putter
    }

    // MARK: Get

    /// Removes and returns the first item. Waits while the mailbox is empty.
    ///
    /// - Throws: ``QueueShutDown`` if the mailbox was shut down and is empty; `CancellationError` if the task
    ///   is cancelled while it waits.
    public func get() async throws -> Element {
        try await giveWayIfDue()
        if let item = try takeFirst(joiningAs: nil) { return item }
        let waiter = MailboxWaiter<Element>(.ofThisTask("Mailbox.get()", on: self))
        if let item = try takeFirst(joiningAs: waiter) { return item }
        try await wait(waiter, in: \.getters, whenCancelled: returnItem)
        return waiter.takeItem()
    }

    /// Removes and returns the first item.
    ///
    /// - Throws: ``QueueEmpty`` if the mailbox is empty; ``QueueShutDown`` if it was also shut down.
    public func getNoWait() throws -> Element {
        guard let item = try takeFirst(joiningAs: nil) else { throw QueueEmpty() }
        return item
    }

    /// Removes and returns the first item. Blocks the calling thread while the mailbox is empty.
    ///
    /// - Parameter timeout: The maximum time to wait, or `nil` for no limit.
    /// - Throws: ``QueueShutDown`` if the mailbox was shut down and is empty; ``TimeoutError`` if the time is
    ///   up; ``RuntimeError`` if the calling thread runs an event loop, which it would block.
    public func getBlocking(
        timeout: Duration? = nil, fileID: StaticString = #fileID, line: UInt = #line
    ) throws -> Element {
        try Self.checkCanBlock("getBlocking")
        if let item = try takeFirst(joiningAs: nil) { return item }
        let waiter = MailboxWaiter<Element>(.gate(ThreadGate()))
        if let item = try takeFirst(joiningAs: waiter) { return item }
        try block(
            waiter, in: \.getters, timeout, CreationSite(fileID: fileID, line: line), whenLate: returnItem)
        return waiter.takeItem()
    }

    /// Removes and returns the first item, and gives its place to a putter. If there is no item, `waiter` joins
    /// the line.
    private func takeFirst(joiningAs waiter: MailboxWaiter<Element>?) throws -> Element? {
        let (item, served) = try state.withLock { state throws -> (Element?, MailboxWaiter<Element>?) in
            guard let item = state.items.popFirst() else {
                if state.isShutDown { throw QueueShutDown() }
                if let waiter { state.getters.append(waiter) }
                return (nil, nil)
            }
            return (item, reservePlace(&state))
        }
        if let served { deliver(served) }
        return item
    }

    /// Called for a getter that does not use the item that it was given.
    private func returnItem(_ waiter: MailboxWaiter<Element>, _ state: inout State) -> MailboxWaiter<Element>? {
        Self.accept(waiter.takeItem(), atFront: true, &state)
    }

    // MARK: Waiting

    /// A loop whose mailbox is filled by others as fast as it is emptied must run its other tasks too.
    private func giveWayIfDue() async throws {
        guard let loop = EventLoop.here else { return }
        if loop.isBudgetSpent { try await giveWay() }
        loop.spend(0)
    }

    private typealias Undo = (MailboxWaiter<Element>, inout State) -> MailboxWaiter<Element>?

    /// Waits until the waiter, which is in line, is served.
    private func wait(
        _ waiter: MailboxWaiter<Element>, in line: any (WritableKeyPath<State, WaiterLine<Element>> & Sendable),
        whenCancelled undo: Undo
    ) async throws {
        do {
            try await waiter.waiting.wait { self.leave(waiter, line) }
        } catch {
            if !leave(waiter, line), let next = takeBack(waiter, undo) { deliver(next) }
            throw error
        }
        try check(waiter)
    }

    private func block(
        _ waiter: MailboxWaiter<Element>, in line: WritableKeyPath<State, WaiterLine<Element>>,
        _ timeout: Duration?, _ site: CreationSite, whenLate undo: Undo
    ) throws {
        guard case .gate(let gate) = waiter.waiting else { return }
        if !gate.wait(timeout: timeout?.roundedUpNanoseconds), leave(waiter, line) {
            throw TimeoutError(limit: timeout, site: site)
        }
        try check(waiter)
    }

    private func check(_ waiter: MailboxWaiter<Element>) throws {
        if state.withLock({ _ in waiter.phase }) == .refused { throw QueueShutDown() }
    }

    /// Removes a waiter that has not been served from its line. Returns false if it was not there.
    @discardableResult
    private func leave(
        _ waiter: MailboxWaiter<Element>, _ line: WritableKeyPath<State, WaiterLine<Element>>
    ) -> Bool {
        state.withLock { state in
            guard waiter.phase == .waiting else { return false }
            state[keyPath: line].remove(waiter)
            waiter.phase = .left
            return true
        }
    }

    /// Gives what a waiter was served with to the next one, which is returned.
    private func takeBack(_ waiter: MailboxWaiter<Element>, _ undo: Undo) -> MailboxWaiter<Element>? {
        state.withLock { state in
            guard waiter.phase == .served else { return nil }
            waiter.phase = .left
            return undo(waiter, &state)
        }
    }

    /// Wakes a waiter that was served. If its loop is closed, the next one gets what it was served with.
    private func deliver(_ waiter: MailboxWaiter<Element>) {
        var served: MailboxWaiter? = waiter
        while let waiter = served, !waiter.waiting.wake() {
            served = takeBack(waiter, waiter.item == nil ? passPlaceOn : returnItem)
        }
    }

    private static func checkCanBlock(_ function: StaticString) throws(RuntimeError) {
        guard let loop = EventLoop.here else { return }
        throw RuntimeError("Mailbox.\(function)() would block the event loop \"\(loop.name)\"; use await")
    }

    // MARK: The end

    /// Ends the mailbox: from now on, a put throws ``QueueShutDown``, and so does a get once the mailbox is empty.
    /// Loops over the mailbox end. Calling this again has an effect only if `immediate` is true.
    ///
    /// - Parameter immediate: Whether the items in the mailbox are dropped.
    ///
    /// asyncio: `Queue.shutdown`.
    public func shutdown(immediate: Bool = false) {
        let (waiters, dropped) = state.withLock { state -> ([MailboxWaiter<Element>], Deque<Element>) in
            state.isShutDown = true
            var waiters: [MailboxWaiter<Element>] = []
            while let waiter = state.getters.popFirst() ?? state.putters.popFirst() {
                waiter.phase = .refused
                waiters.append(waiter)
            }
            guard immediate else { return (waiters, []) }
            defer { state.items = [] }
            return (waiters, state.items)
        }
        for waiter in waiters { _ = waiter.waiting.wake() }
        // Released here, because what an item does when it is released must not happen under the lock.
        _ = dropped
    }

    // MARK: Iteration

    /// An iterator over the items.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let mailbox: Mailbox

        /// Returns the next item, or `nil` if the mailbox was shut down and is empty.
        ///
        /// - Throws: `CancellationError` if the task is cancelled while it waits.
        public mutating func next() async throws -> Element? {
            do { return try await mailbox.get() } catch is QueueShutDown { return nil }
        }
    }

    /// Returns an iterator over the items. It removes the items that it returns, and ends when the mailbox was
    /// shut down and is empty.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(mailbox: self) }
}

extension Mailbox: CustomStringConvertible {
    /// The state of the mailbox as text: its items, and how many wait to get and to put.
    public var description: String {
        let (count, getters, putters, isShutDown) = state.withLock {
            ($0.items.count, $0.getters.length, $0.putters.length, $0.isShutDown)
        }
        let size = maxSize.map { "\(count) of \($0) items" } ?? (count == 1 ? "1 item" : "\(count) items")
        return "Mailbox (\(size)\(isShutDown ? ", shut down" : ""), getting: \(getters), putting: \(putters))"
    }
}
