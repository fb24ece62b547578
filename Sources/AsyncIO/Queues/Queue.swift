public import DequeModule
internal import HeapModule

/// A first-in, first-out queue that passes items between tasks.
///
/// ```swift
/// let queue = Queue<Int>(maxSize: 10)
/// try await queue.put(1)          // waits while the queue is full
/// let item = try await queue.get() // waits while it is empty
/// for try await item in queue { … } // until it is shut down
/// ```
///
/// Waiting tasks are served in FIFO order.
///
/// asyncio: `asyncio.Queue`.
//
// Only code that depends on the element's type is inlinable, so that it is specialized in the
// user's module. The rest is in QueueState.
public class Queue<Element>: AsyncSequence {
    // Loop thread only: the class is not Sendable, and each wait checks the thread.
    @usableFromInline final let state: QueueState
    @usableFromInline @safe @exclusivity(unchecked) final var items = Deque<Element>()
    /// Whether the queue is a plain FIFO queue. If this is false, a subclass overrides `append` or `removeNext`.
    @usableFromInline final let isPlain: Bool

    /// The maximum number of items. If this is zero or negative, the queue has no limit.
    ///
    /// asyncio: `Queue.maxsize`.
    public final var maxSize: Int { state.maxSize }

    /// Whether ``shutdown(immediate:)`` was called.
    public final var isShutDown: Bool { state.isShutDown }

    /// Creates an empty queue without a limit.
    public convenience init() { self.init(maxSize: 0, isPlain: true) }

    /// Creates an empty queue.
    ///
    /// - Parameter maxSize: The maximum number of items. If this is zero or negative, the queue has no limit, as in
    ///   asyncio.
    public convenience init(maxSize: Int) { self.init(maxSize: maxSize, isPlain: true) }

    fileprivate init(maxSize: Int, isPlain: Bool) {
        state = QueueState(maxSize: maxSize)
        self.isPlain = isPlain
    }

    // Overridden by subclasses.
    @usableFromInline func append(_ item: Element) { items.append(item) }
    @usableFromInline func removeNext() -> Element? { items.popFirst() }

    /// The number of items in the queue.
    ///
    /// asyncio: `Queue.qsize`.
    @inlinable
    public final var count: Int { state.count }

    /// Whether the queue has no items.
    ///
    /// asyncio: `Queue.empty`.
    @inlinable
    public final var isEmpty: Bool { state.count == 0 }

    /// Whether the queue has as many items as it can hold.
    ///
    /// asyncio: `Queue.full`.
    @inlinable
    public final var isFull: Bool { state.isFull }

    // MARK: Putting

    /// Puts an item into the queue. If the queue is full, this method waits for room.
    ///
    /// - Throws: ``QueueShutDown`` if the queue is shut down; `CancellationError` if the task is cancelled while it
    ///   waits. In that case, the item is not put into the queue.
    ///
    /// asyncio: `Queue.put`.
    @inlinable
    public final func put(_ item: Element) async throws {
        if state.isFull { try await state.waitForRoom() }
        try putNoWait(item)
    }

    /// Puts an item into the queue without waiting.
    ///
    /// - Throws: ``QueueFull`` if the queue is full; ``QueueShutDown`` if the queue is shut down.
    ///
    /// asyncio: `Queue.put_nowait`.
    @inlinable
    public final func putNoWait(_ item: Element) throws {
        if state.isShutDown { throw QueueShutDown() }
        if state.isFull { throw QueueFull() }
        if isPlain { items.append(item) } else { append(item) }
        state.itemCame()
    }

    // MARK: Getting

    /// Removes and returns an item from the queue. If the queue is empty, this method waits for an item.
    ///
    /// - Throws: ``QueueShutDown`` if the queue is shut down and empty; `CancellationError` if the
    ///   task is cancelled while it waits. In that case, no item is lost.
    ///
    /// asyncio: `Queue.get`.
    @inlinable
    public final func get() async throws -> Element {
        if state.count == 0 { try await state.waitForItem() }
        return try getNoWait()
    }

    /// Removes and returns an item from the queue without waiting.
    ///
    /// - Throws: ``QueueEmpty`` if the queue is empty; ``QueueShutDown`` if the queue is shut down and empty.
    ///
    /// asyncio: `Queue.get_nowait`.
    @inlinable
    public final func getNoWait() throws -> Element {
        guard let item = isPlain ? items.popFirst() : removeNext() else {
            if state.isShutDown { throw QueueShutDown() }
            throw QueueEmpty()
        }
        state.itemWent()
        return item
    }

    // MARK: Finishing

    /// Reports that the work on an item taken from the queue is done; see ``join()``.
    ///
    /// - Throws: ``ValueError`` if the number of calls exceeds the number of items that were put into the queue.
    ///
    /// asyncio: `Queue.task_done`.
    public final func taskDone() throws(ValueError) {
        guard state.unfinished > 0 else { throw ValueError("taskDone() called too many times") }
        state.finish(1)
    }

    /// Waits until ``taskDone()`` has been called for every item that was put into the queue.
    ///
    /// - Throws: `CancellationError` if the task is cancelled while it waits.
    ///
    /// asyncio: `Queue.join`.
    public final func join() async throws {
        if state.unfinished > 0 { try await state.finished.wait() }
    }

    /// Shuts the queue down.
    ///
    /// After this call, putting an item throws ``QueueShutDown``, even in tasks that are already waiting. Getting an
    /// item succeeds until the queue is empty, and then also throws ``QueueShutDown``.
    ///
    /// - Parameter immediate: Whether to drop the items in the queue. If this is `true`, ``join()`` waits only for
    ///   items that have already been taken from the queue.
    /// - Complexity: O(*n*), where *n* is the number of waiting tasks, plus the number of items if `immediate` is
    ///   `true`.
    ///
    /// asyncio: `Queue.shutdown`.
    public final func shutdown(immediate: Bool = false) {
        if immediate {
            while removeNext() != nil {}
            state.dropAll()
        }
        state.shutDown()
    }

    // MARK: Iterating

    /// The iteration throws an error only if the task is cancelled.
    public typealias Failure = any Error

    /// Returns an iterator that takes items from the queue.
    public final func makeAsyncIterator() -> Iterator { Iterator(queue: self) }

    /// An iterator that takes items from a queue until the queue is shut down and empty.
    public struct Iterator: AsyncIteratorProtocol {
        @usableFromInline let queue: Queue

        /// Removes and returns an item from the queue. If the queue is empty, this method waits for an item.
        ///
        /// - Returns: The item, or `nil` if the queue is shut down and empty.
        /// - Throws: `CancellationError` if the task is cancelled while it waits. In that case, no
        ///   item is lost.
        @inlinable
        public mutating func next() async throws -> Element? {
            do { return try await queue.get() } catch is QueueShutDown { return nil }
        }

        /// Removes and returns an item from the queue; see ``next()``.
        ///
        /// - Throws: `CancellationError` if the task is cancelled while it waits.
        @inlinable
        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Element? {
            do { return try await queue.get() } catch is QueueShutDown { return nil }
        }
    }
}

/// A last-in, first-out queue.
///
/// asyncio: `asyncio.LifoQueue`.
public final class LIFOQueue<Element>: Queue<Element> {
    /// Creates an empty queue without a limit.
    public convenience init() { self.init(maxSize: 0) }

    /// Creates an empty queue.
    ///
    /// - Parameter maxSize: The maximum number of items. If this is zero or negative, the queue has no limit, as in
    ///   asyncio.
    public init(maxSize: Int) { super.init(maxSize: maxSize, isPlain: false) }

    @usableFromInline override func removeNext() -> Element? { items.popLast() }
}

/// A queue that returns its smallest item first.
///
/// Putting or getting an item takes O(log *n*) time, where *n* is the number of items.
///
/// asyncio: `asyncio.PriorityQueue`.
public final class PriorityQueue<Element: Comparable>: Queue<Element> {
    // Exclusivity checks are on, because the heap calls the user's `<` while it is modified.
    private var heap = Heap<Element>()

    /// Creates an empty queue without a limit.
    public convenience init() { self.init(maxSize: 0) }

    /// Creates an empty queue.
    ///
    /// - Parameter maxSize: The maximum number of items. If this is zero or negative, the queue has no limit, as in
    ///   asyncio.
    public init(maxSize: Int) { super.init(maxSize: maxSize, isPlain: false) }

    @usableFromInline override func append(_ item: Element) { heap.insert(item) }
    @usableFromInline override func removeNext() -> Element? { heap.popMin() }
}
