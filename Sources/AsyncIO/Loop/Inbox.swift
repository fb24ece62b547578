internal import AsyncIOSystem
internal import Synchronization

/// What other threads leave for a loop: the only thing of it that they touch.
///
/// A sender appends under the mutex and wakes the loop only if it sleeps, or is
/// about to. The loop announces its sleep under the same mutex after it saw the
/// box empty, so that nothing can slip in between.
final class Inbox: Sendable {
    enum Item: Sendable {
        case job(UnownedJob)
        /// A job that is to run when the loop's clock shows this.
        case timer(UnownedJob, SleepTarget)
        case callback(@Sendable () -> Void)
        case handle(ThreadSafeHandle)
    }

    private struct State {
        var items: [Item] = []
        var isAsleep = false
        var isClosed = false
    }

    private let state = Guarded(State())
    /// Tells the loop without a lock that `items` may not be empty.
    private let news = Atomic(false)
    private let wakeUp: WakeUp

    init(wakeUp: WakeUp) { self.wakeUp = wakeUp }

    // MARK: Any thread

    /// False if the loop is closed: the item is not taken.
    @discardableResult
    func post(_ item: Item) -> Bool {
        let (accepted, mustWake) = state.withLock { state in
            guard !state.isClosed else { return (false, false) }
            state.items.append(item)
            news.store(true, ordering: .relaxed)
            defer { state.isAsleep = false }
            return (true, state.isAsleep)
        }
        if mustWake { wakeUp.signal() }
        return accepted
    }

    // MARK: The loop's thread

    @inline(__always)
    var hasNews: Bool { news.load(ordering: .relaxed) }

    func takeAll() -> [Item] {
        state.withLock { state in
            news.store(false, ordering: .relaxed)
            defer { state.items = [] }
            return state.items
        }
    }

    /// False if there is something in the box: then the loop may not sleep.
    func beginSleep() -> Bool {
        state.withLock { state in
            guard state.items.isEmpty else { return false }
            state.isAsleep = true
            return true
        }
    }

    func endSleep() { state.withLock { $0.isAsleep = false } }

    /// Refuses what comes from now on; returns what nobody took.
    func close() -> [Item] {
        state.withLock { state in
            state.isClosed = true
            defer { state.items = [] }
            return state.items
        }
    }
}
