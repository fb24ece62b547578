/// What a queue is besides its items: how many there are, and who waits.
@usableFromInline
final class QueueState {
    // Loop thread only, as the queue is.
    @usableFromInline @safe @exclusivity(unchecked) private(set) var count = 0
    @usableFromInline @safe @exclusivity(unchecked) private(set) var isShutDown = false
    @usableFromInline let maxSize: Int

    @safe @exclusivity(unchecked) var getters = WaitQueue()
    @safe @exclusivity(unchecked) var putters = WaitQueue()
    /// How many items came and were not finished.
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
    nonisolated(nonsending) func waitForRoom() async throws {
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
    }

    @usableFromInline
    nonisolated(nonsending) func waitForItem() async throws {
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

    /// Work on as many items is done.
    func finish(_ items: Int) {
        unfinished = max(0, unfinished - items)
        if unfinished == 0 { finished.set() }
    }

    /// The items were thrown away.
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
