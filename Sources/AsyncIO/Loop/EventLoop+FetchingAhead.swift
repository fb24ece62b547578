internal import AsyncIOSystem

// # Prefetching
//
// A request uses about twenty cache lines: the watch, the waiter, the tasks, their frames, the connection, and the
// streams. With a thousand connections, these lines are no longer in the caches when the next request on the same
// connection arrives. If the code accesses the lines one after another, each access waits for memory. However, a turn
// knows in advance what it will run. Therefore, it prefetches the cache lines of the next entries while it processes
// the current entry. Prefetching affects only the speed.
//
// One address leads to the next: the event to the watch, the watch to the waiter and the connection, and the job to the
// task's frames. Therefore, prefetching takes two steps. The first step runs early enough that its cache lines have
// arrived when the second step reads them.
//
// With few entries, everything is in the caches, and nothing is prefetched.

extension EventLoop {
    /// The minimum number of entries for which prefetching is worthwhile.
    static let leastFetchedAhead = 16
    /// The distances, in entries, by which the first and the second prefetching steps look ahead.
    static let fetchDistances = (first: 6, second: 3)

    /// Prefetches the data that the next entries of the ready queue will need. The caller must already have removed the
    /// current entry.
    @inline(__always)
    func fetchAheadOfEntry(among count: Int) {
        let (first, second) = Self.fetchDistances
        if first <= count, case .wake(let job, let task) = ready[first - 1] {
            fetch(job.bits, lines: 3)
            if let task { fetch(task.bits, lines: 3) }
        }
        if second <= count, case .wake(let job, _) = ready[second - 1] {
            // Sound: the job belongs to a suspended task, which is in the queue.
            fetchFrames(ofTask: job.bits)
        }
    }
}

extension DescriptorTable {
    /// Prefetches the data that the events after `index` will need.
    @inline(__always)
    func fetchAhead(ofEvent index: Int, of count: Int, from poller: any Poller) {
        let (first, second) = EventLoop.fetchDistances
        if index + first < count { fetchWatch(token: poller.event(at: index + first).token) }
        if index + second < count { fetchNeighbours(token: poller.event(at: index + second).token) }
    }

    @inline(__always)
    private func fetchWatch(token: UInt64) {
        if let entry = entry(Int32(truncatingIfNeeded: token)) { fetch(entry.bits, lines: 2) }
    }

    @inline(__always)
    private func fetchNeighbours(token: UInt64) {
        guard let entry = entry(Int32(truncatingIfNeeded: token)) else { return }
        let (owner, reader) = entry.with { ($0.ownerBits, $0.reader) }
        fetch(owner, lines: 5)
        if let reader { fetch(reader.bits, lines: 2) }
    }
}

extension UnownedJob {
    @inline(__always)
    fileprivate var bits: UInt { unsafe unsafeBitCast(self, to: UInt.self) }
}
