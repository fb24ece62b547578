internal import AsyncIOSystem

/// The loops of the process. Any thread.
enum LoopRegistry {
    private struct Entry {
        weak var loop: EventLoop?
    }

    private static let entries = Guarded<[UInt32: Entry]>([:])

    static func add(_ loop: EventLoop) { entries.withLock { $0[loop.index] = Entry(loop: loop) } }

    static func remove(_ loop: EventLoop) {
        let index = loop.index
        entries.withLock { $0[index] = nil }
    }

    /// Returns the loop for which `isWanted` returns true.
    static func loop(where isWanted: (EventLoop) -> Bool) -> EventLoop? {
        all.first(where: isWanted)
    }

    /// The loops, oldest first.
    static var all: [EventLoop] {
        entries.withLock { Array($0.values) }.compactMap(\.loop).sorted { $0.index < $1.index }
    }
}
