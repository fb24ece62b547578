internal import AsyncIO
internal import AsyncIOSystem

/// Decides which loop the threads of the process follow. The threads follow only one loop at a time.
enum FollowingTurn {
    private struct State {
        /// The current holder of the turn. `depth` is the number of its nested runs.
        var holder: Holder?
        var depth = 0
        var waiting: [CheckedContinuation<Void, Never>] = []

        mutating func take(for new: Holder, canBeNested: Bool) -> Bool {
            guard holder == nil || canBeNested && holder == new else { return false }
            holder = new
            depth += 1
            return true
        }
    }

    private enum Holder: Equatable {
        /// Runs of loops on the thread with this number. The runs can be nested.
        case thread(Int32)
        /// A loop on its own thread.
        case loopThread
    }

    private static let state = Guarded(State())

    /// Takes the turn for a loop of the calling thread. If a run on the same thread has the turn, a nested run takes it
    /// over.
    ///
    /// - Throws: `RuntimeError` if the threads follow a loop of another thread.
    static func take() throws(RuntimeError) {
        let hasTaken = state.withLock { $0.take(for: .thread(Thread.number), canBeNested: true) }
        if !hasTaken { throw RuntimeError("the threads of the process already follow a loop of another thread") }
    }

    /// Waits until the threads follow no loop, and then takes the turn. Tests take it in this way. If a test started
    /// inside another one, the outer test's timers and threads would get the time of the inner test.
    ///
    /// - Parameter isForLoopThread: Whether the turn is for a loop on its own thread.
    /// - Throws: `RuntimeError` if the caller is a task of the loop that the threads follow, because the task would
    ///   wait for its own loop.
    static func takeInTurn(isForLoopThread: Bool = false) async throws {
        while true {
            let holder = isForLoopThread ? Holder.loopThread : .thread(Thread.number)
            if state.withLock({ $0.take(for: holder, canBeNested: false) }) { return }
            // Tests that do not belong to this loop can also run on it. Such tests are not tasks of the loop.
            if EventLoop.current?.isFollowed == true, currentTask() != nil {
                throw RuntimeError("the threads of the process already follow the loop that runs this code")
            }
            await withCheckedContinuation { continuation in
                let isFree = state.withLock { state in
                    if state.holder != nil { state.waiting.append(continuation) }
                    return state.holder == nil
                }
                if isFree { continuation.resume() }
            }
        }
    }

    /// Whether a loop of the calling thread has the turn.
    static var isHeldHere: Bool { state.withLock { $0.holder == .thread(Thread.number) } }

    static func release() {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.depth -= 1
            guard state.depth == 0 else { return [] }
            state.holder = nil
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
