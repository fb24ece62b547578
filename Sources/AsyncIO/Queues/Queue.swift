internal import DequeModule
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
public class Queue<Element>: AsyncSequence {
    // Loop thread only: the class is not Sendable, and each wait checks the thread.
    @safe @exclusivity(unchecked) final var getters = WaitQueue()
    @safe @exclusivity(unchecked) final var putters = WaitQueue()
    @safe @exclusivity(unchecked) final var unfinished = 0
    private final let finished = Event()
    @safe @exclusivity(unchecked) fileprivate final var items = Deque<Element>()

    /// How many items fit; zero or less for no limit.
    public final let maxSize: Int
    /// Whether ``shutdown(immediate:)`` was called.
    @safe @exclusivity(unchecked) public private(set) final var isShutDown = false

    /// - Parameter maxSize: how many items fit; zero or less for no limit.
    public init(maxSize: Int = 0) {
        self.maxSize = maxSize
        finished.set()
    }

    // What a subclass keeps its items in.
    fileprivate func append(_ item: Element) { items.append(item) }
    fileprivate func removeNext() -> Element? { items.popFirst() }

    /// How many items are in the queue.
    ///
    /// asyncio: `Queue.qsize`.
    public var count: Int { items.count }

    /// asyncio: `Queue.empty`.
    public final var isEmpty: Bool { count == 0 }

    /// asyncio: `Queue.full`.
    public final var isFull: Bool { maxSize > 0 && count >= maxSize }

    // MARK: Putting

    /// Waits until there is room, and puts an item in.
    ///
    /// - Throws: ``QueueShutDown``; `CancellationError`; then the item is not in.
    ///
    /// asyncio: `Queue.put`.
    public nonisolated(nonsending) final func put(_ item: Element) async throws {
        while isFull {
            if isShutDown { throw QueueShutDown() }
            let place = Waiter(for: "Queue.put()", on: self)
            putters.append(place)
            do {
                try await place.wait()
            } catch {
                putters.remove(place)
                // It was this one's turn: pass it on.
                if place.state == .finished, !isFull { putters.wakeAndRemoveNext() }
                throw error
            }
        }
        try putNoWait(item)
    }

    /// Puts an item in at once.
    ///
    /// - Throws: ``QueueFull``, ``QueueShutDown``.
    ///
    /// asyncio: `Queue.put_nowait`.
    public final func putNoWait(_ item: Element) throws {
        if isShutDown { throw QueueShutDown() }
        if isFull { throw QueueFull() }
        append(item)
        unfinished += 1
        finished.clear()
        getters.wakeAndRemoveNext()
    }

    // MARK: Getting

    /// Waits until there is an item, and takes it out.
    ///
    /// - Throws: ``QueueShutDown`` if the queue is shut down and empty; `CancellationError`;
    ///   then no item is lost.
    ///
    /// asyncio: `Queue.get`.
    public nonisolated(nonsending) final func get() async throws -> Element {
        while isEmpty {
            if isShutDown { throw QueueShutDown() }
            let place = Waiter(for: "Queue.get()", on: self)
            getters.append(place)
            do {
                try await place.wait()
            } catch {
                getters.remove(place)
                if place.state == .finished, !isEmpty { getters.wakeAndRemoveNext() }
                throw error
            }
        }
        return try getNoWait()
    }

    /// Takes an item out at once.
    ///
    /// - Throws: ``QueueEmpty``; ``QueueShutDown`` if the queue is shut down and empty.
    ///
    /// asyncio: `Queue.get_nowait`.
    public final func getNoWait() throws -> Element {
        guard let item = removeNext() else {
            if isShutDown { throw QueueShutDown() }
            throw QueueEmpty()
        }
        putters.wakeAndRemoveNext()
        return item
    }

    // MARK: Finishing

    /// Says that work on an item taken out is done; see ``join()``.
    ///
    /// - Throws: ``ValueError`` if it is said more often than items were put in.
    ///
    /// asyncio: `Queue.task_done`.
    public final func taskDone() throws(ValueError) {
        guard unfinished > 0 else { throw ValueError("taskDone() called too many times") }
        unfinished -= 1
        if unfinished == 0 { finished.set() }
    }

    /// Waits until ``taskDone()`` was called for every item that was put in.
    ///
    /// - Throws: `CancellationError`.
    ///
    /// asyncio: `Queue.join`.
    public nonisolated(nonsending) final func join() async throws {
        if unfinished > 0 { try await finished.wait() }
    }

    /// Ends the queue: `put` fails from now on, also for those who wait to put; `get` goes
    /// on until the queue is empty, then it fails.
    ///
    /// - Parameter immediate: whether to drop what is in the queue. `join()` then waits for
    ///   the items that were taken out and not finished.
    ///
    /// asyncio: `Queue.shutdown`.
    public final func shutdown(immediate: Bool = false) {
        isShutDown = true
        if immediate {
            while removeNext() != nil {
                if unfinished > 0 { unfinished -= 1 }
            }
            if unfinished == 0 { finished.set() }
        }
        while !getters.isEmpty { getters.wakeAndRemoveNext() }
        while !putters.isEmpty { putters.wakeAndRemoveNext() }
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
    fileprivate override func removeNext() -> Element? { items.popLast() }
}

/// A queue whose smallest item is the first out.
///
/// asyncio: `asyncio.PriorityQueue`.
public final class PriorityQueue<Element: Comparable>: Queue<Element> {
    // Checked: the heap calls the user's `<` while it is modified.
    private var heap = Heap<Element>()

    public override var count: Int { heap.count }
    fileprivate override func append(_ item: Element) { heap.insert(item) }
    fileprivate override func removeNext() -> Element? { heap.popMin() }
}
