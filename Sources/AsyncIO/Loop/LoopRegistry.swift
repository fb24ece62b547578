internal import AsyncIOSystem

/// The running loops of the process, with the innermost loop of each thread last. Any thread can use the registry.
//
// A loop is registered only while it runs. A weak reference could be stored for longer, but it would make each change
// to the loop's reference count slower.
enum LoopRegistry {
    private static let running = Guarded<[EventLoop]>([])

    static func beginRunning(_ loop: EventLoop) { running.withLock { $0.append(loop) } }

    static func endRunning(_ loop: EventLoop) {
        running.withLock { running in
            if let index = running.lastIndex(where: { $0 === loop }) { running.remove(at: index) }
        }
    }

    /// The running loops.
    static var all: [EventLoop] { running.withLock { $0 } }
}
