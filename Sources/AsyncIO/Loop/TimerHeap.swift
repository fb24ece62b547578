/// The loop's timers: a heap with four children a node, ordered by deadline and,
/// among equal deadlines, by age.
///
/// A node is sixteen bytes, so that four children fill a cache line, and no timer knows its
/// place, so that moving a node touches nothing else. A timer that is cancelled therefore
/// stays in the heap, without what it held, until it comes to the top or until cancelled
/// ones are the greater part: then all of them are swept out, which costs each a constant
/// amount.
struct TimerHeap {
    private var nodes: [Node] = []
    private var nextSequence: UInt32 = 0
    /// How many of the nodes are cancelled timers'.
    private var cancelled = 0

    /// As few as these are not worth a sweep.
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

    /// What a node is of. The heap holds each by hand, from `insert` until it takes it out.
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

        /// Sequence numbers start again after four billion timers, of which no two that are
        /// that far apart have the same deadline.
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

    /// How many timers are to fire.
    var count: Int { nodes.count - cancelled }
    var isEmpty: Bool { count == 0 }

    /// The nearest deadline.
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

    /// Takes out the first timer whose deadline is not after `now`, and hands it to `body`.
    ///
    /// - Returns: whether there was one.
    @inline(__always)
    mutating func popFirst(dueAt now: Int64, _ body: (Timer) -> Void) -> Bool {
        guard let first, first <= now else { return false }
        let timer = removeFirst()
        body(timer)
        timer.release()
        return true
    }

    /// A timer in the heap was cancelled.
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

    /// When a sleep ends; looks at every timer.
    func deadline(of sleep: SleepFuture) -> Int64? {
        nodes.first { node in
            if case .sleep(let other) = node.timer { other.object === sleep } else { false }
        }?.deadline
    }

    /// When each sleep ends.
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

    /// Throws the cancelled ones out and makes a heap of the rest.
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
