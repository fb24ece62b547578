internal import AsyncIOSystem
internal import CShims

// # Fetching ahead
//
// With a thousand connections, what a request touches (some twenty cache lines: the watch, the
// waiter, the tasks, their frames, the connection, the streams) has left the caches since the
// last request of that connection. Touched one after the other as the code gets to them, each
// is a wait for memory. But a turn knows beforehand what it will run: it asks the processor for
// the next ones' lines while it deals with the present one. That changes nothing but time.
//
// An address leads to the next (the event to the watch, the watch to the waiter and the
// connection, the job to the task's frames), so it goes in two steps, each far enough ahead
// that the line which it reads has come.
//
// For few entries everything is in the caches, and nothing is asked for.

extension EventLoop {
    /// From how many on.
    static let leastFetchedAhead = 16
    /// How far ahead the first step is, and the second.
    static let fetchDistances = (first: 6, second: 3)

    /// Fetches what the entries of the ready queue will need, the present one taken out.
    @inline(__always)
    func fetchAheadOfEntry(among count: Int) {
        let (first, second) = Self.fetchDistances
        if first <= count, case .wake(let job, let task) = ready[first - 1] {
            fetch(job.bits, lines: 3)
            if let task { fetch(task.bits, lines: 3) }
        }
        if second <= count, case .wake(let job, _) = ready[second - 1] {
            // Sound: the job is a suspended task's, which waits in the queue.
            asyncio_prefetch_frames(job.bits)
        }
    }
}

extension DescriptorTable {
    /// Fetches what the events after the one at `index` will need.
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

/// Asks for memory that is wanted soon. The address need not be anybody's.
@inline(__always)
func fetch(_ address: UInt, lines: Int32) { asyncio_prefetch(address, lines) }

extension UnownedJob {
    @inline(__always)
    fileprivate var bits: UInt { unsafe unsafeBitCast(self, to: UInt.self) }
}
