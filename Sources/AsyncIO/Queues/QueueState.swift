/// The state of a queue apart from its items: their number, and the waiting tasks.
@usableFromInline
final class QueueState {
    // Loop thread only, like the queue.
    @usableFromInline @safe @exclusivity(unchecked) private(set) var count = 0
    @usableFromInline @safe @exclusivity(unchecked) private(set) var isShutDown = false
    @usableFromInline let maxSize: Int

    @safe @exclusivity(unchecked) var getters = WaitQueue()
    @safe @exclusivity(unchecked) var putters = WaitQueue()
    /// The number of items that were put in and not reported as done.
    @safe @exclusivity(unchecked) private(set) var unfinished = 0
    let finished = Event()

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
        getters.wakeAndRemoveNext()
    }

    @usableFromInline
    func itemWent() {
        count -= 1
        putters.wakeAndRemoveNext()
    }

    @usableFromInline
    func waitForRoom() async throws {
        while isFull {
            if isShutDown { throw QueueShutDown() }
            let place = Waiter(for: "Queue.put()", on: self)
            putters.append(place)
            do {
                try await place.wait()
            } catch {
                putters.remove(place)
                // This task had been woken, so wake the next one.
                if place.state == .finished, !isFull { putters.wakeAndRemoveNext() }
                throw error
            }
        }
    }

    @usableFromInline
    func waitForItem() async throws {
        while count == 0 {
            if isShutDown { throw QueueShutDown() }
            let place = Waiter(for: "Queue.get()", on: self)
            getters.append(place)
            do {
                try await place.wait()
            } catch {
                getters.remove(place)
                if place.state == .finished, count > 0 { getters.wakeAndRemoveNext() }
                throw error
            }
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
        while !getters.isEmpty { getters.wakeAndRemoveNext() }
        while !putters.isEmpty { putters.wakeAndRemoveNext() }
    }
}
