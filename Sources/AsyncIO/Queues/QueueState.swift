/// The state of a queue except for the items themselves. The state includes the number of items and the waiting tasks.
@usableFromInline
final class QueueState {
    // Loop thread only, like the queue.
    @usableFromInline @safe @exclusivity(unchecked) private(set) var count = 0
    @usableFromInline @safe @exclusivity(unchecked) private(set) var isShutDown = false
    @usableFromInline let maxSize: Int

    let getters = WaitQueue()
    let putters = WaitQueue()
    /// The number of items that were put into the queue and have not been reported as done.
    @safe @exclusivity(unchecked) private(set) var unfinished = 0
    let finished = Event()
    /// The number of items that were taken as deliveries of a `WorkQueue`.
    var received = 0

    init(maxSize: Int) {
        self.maxSize = maxSize
        finished.set()
    }

    @inlinable
    var isFull: Bool { maxSize > 0 && count >= maxSize }

    @usableFromInline
    func itemCame() {
        count += 1
        if unfinished == 0 { finished.clear() }
        unfinished += 1
        getters.wakeAndRemoveFirst()
    }

    @usableFromInline
    func itemWent() {
        count -= 1
        putters.wakeAndRemoveFirst()
    }

    @usableFromInline
    func waitForRoom() async throws {
        while isFull {
            if isShutDown { throw QueueShutDown() }
            try await putters.park(
                for: "Queue.put()", on: self,
                ifCancelled: { wasWoken in if wasWoken, !isFull { putters.wakeAndRemoveFirst() } })
        }
    }

    @usableFromInline
    func waitForItem() async throws {
        while count == 0 {
            if isShutDown { throw QueueShutDown() }
            try await getters.park(
                for: "Queue.get()", on: self,
                ifCancelled: { wasWoken in if wasWoken, count > 0 { getters.wakeAndRemoveFirst() } })
        }
    }

    // MARK: Ending

    /// Records that the work on `items` items is done.
    func finish(_ items: Int) {
        unfinished = max(0, unfinished - items)
        if unfinished == 0 { finished.set() }
    }

    /// Records that all items in the queue were dropped.
    func dropAll() {
        finish(count)
        count = 0
    }

    func shutDown() {
        isShutDown = true
        while !getters.isEmpty { getters.wakeAndRemoveFirst() }
        while !putters.isEmpty { putters.wakeAndRemoveFirst() }
    }
}
