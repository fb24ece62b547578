/// A FIFO queue of waiting tasks.
///
/// It implements once what each of asyncio's primitives implements separately: a waiter joins at the end,
/// leaves when its wait is over for any reason, and passes its turn on if its task was cancelled after it had
/// been woken.
struct WaitQueue {
    // Loop thread only, like everything in the object that owns the queue.
    private(set) var first: Waiter?
    // SAFETY: nil, or the last waiter, which the queue retains through `first`.
    @safe private unowned(unsafe) var last: Waiter?

    var isEmpty: Bool { first == nil }

    /// Whether the queue contains a waiter that has not been cancelled.
    var hasLiveWaiter: Bool {
        var waiter = first
        while let current = waiter {
            if !current.wasCancelled { return true }
            waiter = current.next
        }
        return false
    }

    mutating func append(_ waiter: Waiter) {
        waiter.previous = last
        if let last = last { last.next = waiter } else { first = waiter }
        last = waiter
    }

    /// Removes a waiter from anywhere in the queue; does nothing if it has already left.
    mutating func remove(_ waiter: Waiter) {
        let previous = waiter.previous
        guard previous != nil || first === waiter else { return }
        if let next = waiter.next { next.previous = previous } else { last = previous }
        if let previous { previous.next = waiter.next } else { first = waiter.next }
        waiter.next = nil
        waiter.previous = nil
    }

    /// Wakes the first waiter, which stays in the queue until it runs; does nothing if it has already been
    /// woken.
    func wakeHead() { first?.complete() }

    /// Wakes the first waiters that have not been woken yet. They stay in the queue.
    ///
    /// - Returns: How many were woken.
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

    /// Removes waiters from the front of the queue until one of them can be woken.
    mutating func wakeAndRemoveNext() {
        while let waiter = first {
            remove(waiter)
            guard !waiter.isDone else { continue }
            waiter.complete()
            return
        }
    }
}
