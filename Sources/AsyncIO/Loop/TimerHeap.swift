/// The loop's timers: a heap with four children a node, ordered by deadline and,
/// among equal deadlines, by age.
///
/// Each timer knows its place, so that cancelling one removes it, in O(log n),
/// and a million time-outs that never fire leave nothing behind.
struct TimerHeap {
    private struct Node {
        let deadline: Int64
        let sequence: UInt64
        let timer: TimerHandle

        @inline(__always)
        static func < (left: Node, right: Node) -> Bool {
            left.deadline != right.deadline
                ? left.deadline < right.deadline : left.sequence < right.sequence
        }
    }

    private var nodes: [Node] = []
    private var nextSequence: UInt64 = 0

    var count: Int { nodes.count }
    var isEmpty: Bool { nodes.isEmpty }

    /// The nearest deadline.
    var first: Int64? { nodes.first?.deadline }

    mutating func insert(_ timer: TimerHandle) {
        let node = Node(deadline: timer.deadline, sequence: nextSequence, timer: timer)
        nextSequence += 1
        nodes.append(node)
        siftUp(node, from: nodes.count - 1)
    }

    /// Removes and returns the first timer whose deadline is not after `now`.
    mutating func popFirst(dueAt now: Int64) -> TimerHandle? {
        guard let first = nodes.first, first.deadline <= now else { return nil }
        remove(at: 0)
        return first.timer
    }

    /// Removes a timer, if it is in this heap.
    mutating func remove(_ timer: TimerHandle) {
        guard let position = timer.position, position < nodes.count, nodes[position].timer === timer
        else { return }
        remove(at: position)
    }

    mutating func removeAll() {
        for node in nodes { node.timer.position = nil }
        nodes.removeAll()
    }

    private mutating func remove(at position: Int) {
        nodes[position].timer.position = nil
        let last = nodes.removeLast()
        guard position < nodes.count else { return }
        if position > 0, last < nodes[(position - 1) / 4] {
            siftUp(last, from: position)
        } else {
            siftDown(last, from: position)
        }
    }

    private mutating func siftUp(_ node: Node, from start: Int) {
        var position = start
        while position > 0 {
            let parent = (position - 1) / 4
            guard node < nodes[parent] else { break }
            place(nodes[parent], at: position)
            position = parent
        }
        place(node, at: position)
    }

    private mutating func siftDown(_ node: Node, from start: Int) {
        var position = start
        while true {
            let firstChild = position * 4 + 1
            guard firstChild < nodes.count else { break }
            var smallest = firstChild
            for child in firstChild + 1..<min(firstChild + 4, nodes.count) + 0 where nodes[child] < nodes[smallest] {
                smallest = child
            }
            guard nodes[smallest] < node else { break }
            place(nodes[smallest], at: position)
            position = smallest
        }
        place(node, at: position)
    }

    @inline(__always)
    private mutating func place(_ node: Node, at position: Int) {
        nodes[position] = node
        node.timer.position = position
    }
}
