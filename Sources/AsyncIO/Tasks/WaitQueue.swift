/// A line of tasks that wait for their turn, first come, first served.
///
/// What asyncio's primitives do one by one is done here once: a waiter joins at
/// the end, leaves when its wait is over in whatever way, and passes its turn on
/// when its task was cancelled after it had been woken.
struct WaitQueue {
    // Loop thread only, like everything of the object that owns the line.
    private(set) var first: Waiter?
    // SAFETY: nil, or the last waiter, which the line holds through `first`.
    @safe private unowned(unsafe) var last: Waiter?

    var isEmpty: Bool { first == nil }

    /// Whether somebody in the line has not been cancelled.
    var hasLiveWaiter: Bool {
        var waiter = first
        while let current = waiter {
            if !current.isCancelled { return true }
            waiter = current.next
        }
        return false
    }

    mutating func append(_ waiter: Waiter) {
        waiter.previous = last
        if let last = last { last.next = waiter } else { first = waiter }
        last = waiter
    }

    /// Takes a waiter out, wherever it stands; does nothing if it left already.
    mutating func remove(_ waiter: Waiter) {
        let previous = waiter.previous
        guard previous != nil || first === waiter else { return }
        if let next = waiter.next { next.previous = previous } else { last = previous }
        if let previous { previous.next = waiter.next } else { first = waiter.next }
        waiter.next = nil
        waiter.previous = nil
    }

    /// Wakes the head of the line, which stays there until it runs; does nothing if
    /// it was woken already.
    func wakeHead() { first?.complete() }

    /// Wakes the first waiters that are not yet woken; they stay in the line.
    ///
    /// - Returns: how many were woken.
    @discardableResult
    func wake(_ count: Int = .max) -> Int {
        var woken = 0
        var waiter = first
        while let current = waiter, woken < count {
            waiter = current.next
            guard !current.isDone else { continue }
            woken += 1
            current.complete()
        }
        return woken
    }

    /// Takes waiters from the head of the line until one of them can be woken.
    mutating func wakeAndRemoveNext() {
        while let waiter = first {
            remove(waiter)
            guard !waiter.isDone else { continue }
            waiter.complete()
            return
        }
    }
}
