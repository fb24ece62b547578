/// A queue of the entries to run, first in, first out. It is a ring buffer that doubles its capacity when it is full.
///
/// Every wake-up goes through this queue. In each operation, a general deque checks whether its storage is shared, and
/// retains and releases that storage. This overhead would account for a twentieth of the cost of a wake-up. This queue
/// avoids the overhead, because only the loop uses the queue.
@safe
struct ReadyQueue: ~Copyable {
    // SAFETY: the memory has `mask + 1` slots, which is a power of two. The `count` slots that begin at `head` and wrap
    // around the end are initialized, and the other slots are not. The memory is freed with the queue, which cannot be
    // copied.
    private var places: UnsafeMutablePointer<ReadyEntry>
    private var mask: Int
    private var head = 0
    private(set) var count = 0

    init() {
        mask = 63
        unsafe places = .allocate(capacity: 64)
    }

    deinit {
        for index in 0..<count { unsafe place(index).deinitialize(count: 1) }
        unsafe places.deallocate()
    }

    @inline(__always)
    var isEmpty: Bool { count == 0 }

    /// The entry at `index`, counted from the front of the queue.
    @inline(__always)
    subscript(index: Int) -> ReadyEntry { unsafe place(index).pointee }

    @inline(__always)
    private func place(_ index: Int) -> UnsafeMutablePointer<ReadyEntry> { unsafe places + ((head &+ index) & mask) }

    @inline(__always)
    mutating func append(_ entry: consuming ReadyEntry) {
        if count > mask { grow() }
        unsafe place(count).initialize(to: entry)
        count &+= 1
    }

    @inline(__always)
    mutating func popFirst() -> ReadyEntry? {
        if count == 0 { return nil }
        let entry = unsafe place(0).move()
        head = (head &+ 1) & mask
        count &-= 1
        return entry
    }

    /// Moves the entry at `index` to the front. The other entries keep their order.
    mutating func moveToFront(_ index: Int) {
        precondition(index >= 0 && index < count, "index must be in 0..<\(count), got \(index)")
        let entry = unsafe place(index).move()
        for index in stride(from: index, to: 0, by: -1) {
            unsafe place(index).moveInitialize(from: place(index - 1), count: 1)
        }
        unsafe place(0).initialize(to: entry)
    }

    /// Removes and returns all entries.
    mutating func removeAll() -> [ReadyEntry] {
        var all: [ReadyEntry] = []
        while let entry = popFirst() { all.append(entry) }
        return all
    }

    @inline(never)
    private mutating func grow() {
        let larger = UnsafeMutablePointer<ReadyEntry>.allocate(capacity: 2 * (mask + 1))
        for index in 0..<count { unsafe (larger + index).moveInitialize(from: place(index), count: 1) }
        unsafe places.deallocate()
        unsafe places = larger
        mask = 2 * mask + 1
        head = 0
        #if DEBUG
            checkInvariants()
        #endif
    }
}

#if DEBUG
    extension ReadyQueue {
        /// Stops the program if the queue is inconsistent.
        ///
        /// - Complexity: O(*n*), where *n* is the number of entries.
        func checkInvariants() {
            precondition(mask >= 63 && mask & (mask + 1) == 0, "the number of places is a power of two, at least 64")
            precondition(0...mask ~= head, "the first entry is in one of the places")
            precondition(0...mask + 1 ~= count, "the queue has a place for each of its entries")
            // This retains and releases the objects of each entry, which usually crashes if an entry is not
            // initialized.
            for index in 0..<count { _ = self[index] }
        }
    }
#endif
