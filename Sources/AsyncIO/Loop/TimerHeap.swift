/// A heap of the loop's timers, with four children per node. The timers are ordered by deadline, and timers with equal
/// deadlines are ordered by age.
///
/// A node takes sixteen bytes, so four children fill a cache line. A timer does not store its position, so moving a
/// node changes nothing else. However, the heap cannot find the node of a cancelled timer. The timer therefore releases
/// its objects, but its node stays in the heap until the node reaches the top, or until more than half of the timers
/// are cancelled. In the second case, all cancelled timers are removed, at an amortized constant cost for each.
struct TimerHeap {
    private var nodes: [Node] = []
    private var nextSequence: UInt32 = 0
    /// The number of nodes that belong to cancelled timers.
    private var cancelled = 0

    /// The largest number of cancelled timers for which a removal is not worthwhile.
    private static let leastSwept = 64

    private struct Node {
        let deadline: Int64
        let timer: Timer

        @inline(__always)
        static func < (left: Node, right: Node) -> Bool {
            left.deadline != right.deadline
                ? left.deadline < right.deadline : left.timer.isOlder(than: right.timer)
        }
    }

    /// The timer of a node. The heap retains the timer manually, from `insert` until the timer is removed.
    enum Timer {
        case handle(Unretained<TimerHandle>)
        case sleep(Unretained<SleepFuture>)

        @inline(__always)
        fileprivate var isCancelled: Bool {
            switch self {
            case .handle(let handle): handle.with { $0.isCancelled }
            case .sleep(let sleep): sleep.with { $0.isDone }
            }
        }

        @inline(__always)
        fileprivate var sequence: UInt32 {
            get {
                switch self {
                case .handle(let handle): handle.with { $0.sequence }
                case .sleep(let sleep): sleep.with { $0.sequence }
                }
            }
            nonmutating set {
                switch self {
                case .handle(let handle): handle.with { $0.sequence = newValue }
                case .sleep(let sleep): sleep.with { $0.sequence = newValue }
                }
            }
        }

        /// Returns whether this timer is older than another timer. Sequence numbers wrap around after four billion
        /// timers. Two timers that far apart never have the same deadline.
        @inline(never)
        fileprivate func isOlder(than other: Timer) -> Bool {
            Int32(bitPattern: sequence &- other.sequence) < 0
        }

        @inline(__always)
        fileprivate func retain() {
            switch self {
            case .handle(let handle): handle.retain()
            case .sleep(let sleep): sleep.retain()
            }
        }

        @inline(__always)
        fileprivate func release() {
            switch self {
            case .handle(let handle): handle.release()
            case .sleep(let sleep): sleep.release()
            }
        }
    }

    /// The number of timers that will fire.
    var count: Int { nodes.count - cancelled }
    var isEmpty: Bool { count == 0 }

    /// The earliest deadline.
    var first: Int64? {
        mutating get {
            dropCancelledFirst()
            return nodes.first?.deadline
        }
    }

    @inline(__always)
    mutating func insert(_ handle: TimerHandle) { insert(.handle(Unretained(handle)), at: handle.deadline) }

    @inline(__always)
    mutating func insert(_ sleep: SleepFuture, at deadline: Int64) { insert(.sleep(Unretained(sleep)), at: deadline) }

    @inline(__always)
    private mutating func insert(_ timer: Timer, at deadline: Int64) {
        nextSequence &+= 1
        if nextSequence == 0 { nextSequence = 1 }
        timer.sequence = nextSequence
        timer.retain()
        nodes.append(Node(deadline: deadline, timer: timer))
        siftUp(from: nodes.count - 1)
    }

    /// Removes the first timer whose deadline is not after `now`, and passes it to `body`.
    ///
    /// - Returns: Whether a timer was due.
    @inline(__always)
    mutating func popFirst(dueAt now: Int64, _ body: (Timer) -> Void) -> Bool {
        guard let first, first <= now else { return false }
        let timer = removeFirst()
        body(timer)
        timer.release()
        return true
    }

    /// Records that a timer in the heap was cancelled.
    mutating func noteCancelled() {
        cancelled += 1
        if cancelled > Self.leastSwept, cancelled * 2 > nodes.count { sweep() }
    }

    mutating func removeAll() {
        let all = nodes
        nodes = []
        cancelled = 0
        for node in all {
            node.timer.sequence = 0
            node.timer.release()
        }
    }

    /// Returns the deadline of a sleep.
    ///
    /// - Complexity: O(*n*), where *n* is the number of timers.
    func deadline(of sleep: SleepFuture) -> Int64? {
        nodes.first { node in
            if case .sleep(let other) = node.timer { other.object === sleep } else { false }
        }?.deadline
    }

    /// The deadlines of all sleeps.
    var sleeps: [ObjectIdentifier: Int64] {
        var deadlines: [ObjectIdentifier: Int64] = [:]
        for node in nodes {
            if case .sleep(let sleep) = node.timer { deadlines[ObjectIdentifier(sleep.object)] = node.deadline }
        }
        return deadlines
    }

    // MARK: Inside

    @inline(__always)
    private mutating func dropCancelledFirst() {
        while cancelled > 0, let first = nodes.first, first.timer.isCancelled {
            removeFirst().release()
            cancelled -= 1
        }
    }

    private mutating func removeFirst() -> Timer {
        let first = nodes[0].timer
        first.sequence = 0
        let last = nodes.removeLast()
        if !nodes.isEmpty {
            nodes[0] = last
            siftDown(from: 0)
        }
        return first
    }

    /// Removes the cancelled timers and restores the heap.
    private mutating func sweep() {
        nodes.removeAll {
            guard $0.timer.isCancelled else { return false }
            $0.timer.sequence = 0
            $0.timer.release()
            return true
        }
        cancelled = 0
        guard nodes.count > 1 else { return }
        for position in stride(from: (nodes.count - 2) / 4, through: 0, by: -1) { siftDown(from: position) }
        #if DEBUG
            checkInvariants()
        #endif
    }

    private mutating func siftUp(from start: Int) {
        let node = nodes[start]
        var position = start
        while position > 0 {
            let parent = (position - 1) / 4
            guard node < nodes[parent] else { break }
            nodes[position] = nodes[parent]
            position = parent
        }
        nodes[position] = node
    }

    private mutating func siftDown(from start: Int) {
        let node = nodes[start]
        var position = start
        while true {
            let firstChild = position * 4 + 1
            guard firstChild < nodes.count else { break }
            var smallest = firstChild
            for child in firstChild + 1..<min(firstChild + 4, nodes.count) where nodes[child] < nodes[smallest] {
                smallest = child
            }
            guard nodes[smallest] < node else { break }
            nodes[position] = nodes[smallest]
            position = smallest
        }
        nodes[position] = node
    }
}

#if DEBUG
    extension TimerHeap {
        /// Creates an empty heap whose next timer gets the number after `lastSequence`. Tests of the wraparound use
        /// this initializer.
        init(lastSequence: UInt32) { nextSequence = lastSequence }

        /// Stops the program if the heap is inconsistent. A heap is inconsistent while a timer is being cancelled.
        ///
        /// - Complexity: O(*n*), where *n* is the number of timers, including cancelled ones.
        func checkInvariants() {
            struct Age: Hashable {
                let deadline: Int64
                let sequence: UInt32
            }
            var ages: Set<Age> = []
            var addresses: Set<UInt> = []
            var found = 0
            for (position, node) in nodes.enumerated() {
                precondition(
                    position == 0 || !(node < nodes[(position - 1) / 4]), "no timer comes before its parent in the heap"
                )
                let sequence = node.timer.sequence
                precondition(sequence != 0, "a timer in the heap has a sequence number")
                precondition(
                    ages.insert(Age(deadline: node.deadline, sequence: sequence)).inserted,
                    "no two timers with the same deadline have the same age")
                let address: UInt
                switch node.timer {
                case .handle(let handle):
                    address = handle.bits
                    precondition(handle.object.deadline == node.deadline, "a node has the deadline of its timer")
                case .sleep(let sleep): address = sleep.bits
                }
                precondition(addresses.insert(address).inserted, "no timer is in the heap twice")
                if node.timer.isCancelled { found += 1 }
            }
            precondition(found == cancelled, "the heap knows how many of its timers are cancelled")
        }
    }
#endif
