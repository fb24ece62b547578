public import DequeModule
internal import HeapModule

/// Hands items from tasks to tasks, in order: the first in is the first out.
///
/// ```swift
/// let queue = Queue<Int>(maxSize: 10)
/// try await queue.put(1)          // waits while the queue is full
/// let item = try await queue.get() // waits while it is empty
/// for try await item in queue { … } // until it is shut down
/// ```
///
/// asyncio: `asyncio.Queue`.
//
// What has to do with the element's type is inlinable, and no more than that: it is
// specialised in the user's module. The rest is QueueState's.
public class Queue<Element>: AsyncSequence {
    // Loop thread only: the class is not Sendable, and each wait checks the thread.
    @usableFromInline final let state: QueueState
    @usableFromInline @safe @exclusivity(unchecked) final var items = Deque<Element>()
    /// Whether `items` is all there is to it, or a subclass has its own way.
    @usableFromInline final let isPlain: Bool

    /// How many items fit; zero or less for no limit.
    public final var maxSize: Int { state.maxSize }

    /// Whether ``shutdown(immediate:)`` was called.
    public final var isShutDown: Bool { state.isShutDown }

    /// - Parameter maxSize: how many items fit; zero or less for no limit.
    public convenience init(maxSize: Int = 0) { self.init(maxSize: maxSize, isPlain: true) }

    fileprivate init(maxSize: Int, isPlain: Bool) {
        state = QueueState(maxSize: maxSize)
        self.isPlain = isPlain
    }

    // What a subclass does in its own way.
    @usableFromInline func append(_ item: Element) { items.append(item) }
    @usableFromInline func removeNext() -> Element? { items.popFirst() }

    /// How many items are in the queue.
    ///
    /// asyncio: `Queue.qsize`.
    @inlinable
    public final var count: Int { state.count }

    /// asyncio: `Queue.empty`.
    @inlinable
    public final var isEmpty: Bool { state.count == 0 }

    /// asyncio: `Queue.full`.
    @inlinable
    public final var isFull: Bool { state.isFull }

    // MARK: Putting

    /// Waits until there is room, and puts an item in.
    ///
    /// - Throws: ``QueueShutDown``; `CancellationError`; then the item is not in.
    ///
    /// asyncio: `Queue.put`.
    @inlinable
    public nonisolated(nonsending) final func put(_ item: Element) async throws {
        if state.isFull { try await state.waitForRoom() }
        try putNoWait(item)
    }

    /// Puts an item in at once.
    ///
    /// - Throws: ``QueueFull``, ``QueueShutDown``.
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

    /// Waits until there is an item, and takes it out.
    ///
    /// - Throws: ``QueueShutDown`` if the queue is shut down and empty; `CancellationError`;
    ///   then no item is lost.
    ///
    /// asyncio: `Queue.get`.
    @inlinable
    public nonisolated(nonsending) final func get() async throws -> Element {
        if state.count == 0 { try await state.waitForItem() }
        return try getNoWait()
    }

    /// Takes an item out at once.
    ///
    /// - Throws: ``QueueEmpty``; ``QueueShutDown`` if the queue is shut down and empty.
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

    /// Says that work on an item taken out is done; see ``join()``.
    ///
    /// - Throws: ``ValueError`` if it is said more often than items were put in.
    ///
    /// asyncio: `Queue.task_done`.
    public final func taskDone() throws(ValueError) {
        guard state.unfinished > 0 else { throw ValueError("taskDone() called too many times") }
        state.finish(1)
    }

    /// Waits until ``taskDone()`` was called for every item that was put in.
    ///
    /// - Throws: `CancellationError`.
    ///
    /// asyncio: `Queue.join`.
    public nonisolated(nonsending) final func join() async throws {
        if state.unfinished > 0 { try await state.finished.wait() }
    }

    /// Ends the queue: `put` fails from now on, also for those who wait to put; `get` goes
    /// on until the queue is empty, then it fails.
    ///
    /// - Parameter immediate: whether to drop what is in the queue. `join()` then waits for
    ///   the items that were taken out and not finished.
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

    public typealias Failure = any Error

    public final func makeAsyncIterator() -> Iterator { Iterator(queue: self) }

    /// Takes items out until the queue is shut down and empty.
    public struct Iterator: AsyncIteratorProtocol {
        let queue: Queue

        public mutating func next() async throws -> Element? {
            do { return try await queue.get() } catch is QueueShutDown { return nil }
        }

        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> Element? {
            do { return try await queue.get() } catch is QueueShutDown { return nil }
        }
    }
}

/// A queue whose last item in is the first out.
///
/// asyncio: `asyncio.LifoQueue`.
public final class LIFOQueue<Element>: Queue<Element> {
    public init(maxSize: Int = 0) { super.init(maxSize: maxSize, isPlain: false) }

    @usableFromInline override func removeNext() -> Element? { items.popLast() }
}

/// A queue whose smallest item is the first out.
///
/// asyncio: `asyncio.PriorityQueue`.
public final class PriorityQueue<Element: Comparable>: Queue<Element> {
    // Checked: the heap calls the user's `<` while it is modified.
    private var heap = Heap<Element>()

    public init(maxSize: Int = 0) { super.init(maxSize: maxSize, isPlain: false) }

    @usableFromInline override func append(_ item: Element) { heap.insert(item) }
    @usableFromInline override func removeNext() -> Element? { heap.popMin() }
}
