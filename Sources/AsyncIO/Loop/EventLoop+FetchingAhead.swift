internal import AsyncIOSystem

// # Prefetching
//
// With a thousand connections, the memory that a request uses (some twenty cache lines: the watch, the
// waiter, the tasks, their frames, the connection, the streams) has left the caches since the last request of
// that connection. If the code touches the lines one after the other, each access waits for memory. But a
// turn knows in advance what it will run. So it prefetches the cache lines of the next entries while it
// processes the current one. This affects nothing but time.
//
// One address leads to the next (the event to the watch, the watch to the waiter and the connection, the job
// to the task's frames). So prefetching takes two steps, each far enough ahead that the line that it reads
// has arrived.
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
            // Sound: the job belongs to a suspended task, which waits in the queue.
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
