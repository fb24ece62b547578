// # Waiting in line
//
// Every object that several tasks can wait for has a `WaitQueue` of these tasks. For example, they wait for a lock, an
// item, a signal, or the end of a connection. A primitive consists of its own state and of its use of the queue:
//
//     park   join the queue, wait for a wake-up, and leave the queue, however the wait ends;
//     wake   let the first waiter, some waiters, or all waiters continue.
//
// A task that is woken continues in the next turn. Until then, it is still in the queue, unless it was woken with
// `wakeAndRemoveFirst()`. It can be cancelled before it continues. The free lock or the item for which it was woken is
// then lost, unless the primitive gives it to another task. Therefore, `park` reports to the primitive whether the
// cancelled waiter had been woken. Passing on the lock or the item is the only decision about cancellation that a
// primitive has to make.
//
// The queue is a doubly linked list that consists of the waiters themselves, so joining and leaving take constant time,
// and a wait allocates only its `Waiter`.

/// A FIFO queue of waiting tasks. Use this class only on the loop's thread.
@usableFromInline
final class WaitQueue {
    @safe @exclusivity(unchecked) private(set) var first: Waiter?
    /// The last waiter, which the queue retains through `first`.
    @safe @exclusivity(unchecked) private var last: Unretained<Waiter>?
    /// The loop on which tasks wait. The loop is recorded only in debug mode; see Ownership.swift.
    @safe @exclusivity(unchecked) private var owner: UInt8 = 0

    @usableFromInline
    init() {}

    /// Returns the queue in `storage`. If the queue does not exist yet, this method creates it. Use this method for
    /// objects that tasks rarely wait for.
    static func of(_ storage: inout WaitQueue?) -> WaitQueue {
        if let queue = storage { return queue }
        let queue = WaitQueue()
        storage = queue
        return queue
    }

    // MARK: Park

    /// Adds the current task to the end of the queue, waits until the task is woken, and removes the task from the
    /// queue.
    ///
    /// - Parameters:
    ///   - purpose: A description of the wait, for use in reports.
    ///   - subject: The object that the task waits for. Reports use this object, and the caller retains it.
    ///   - ignoresNativeCancellation: Whether to ignore the cancellation of a plain Swift task; see `FutureBase.park`.
    ///   - whenJoined: A function that is called when the task has joined the queue. If the function throws an error,
    ///     the task leaves the queue.
    ///   - ifCancelled: A function that is called when a cancelled task has left the queue. The parameter specifies
    ///     whether the task had been woken. If so, the wake-up must be passed on to another task.
    /// - Throws: `CancellationError` if the task is cancelled; the error that `whenJoined` throws.
    @inline(__always)
    func park(
        for purpose: StaticString, on subject: AnyObject? = nil, ignoresNativeCancellation: Bool = false,
        whenJoined: () throws -> Void = {}, ifCancelled: (_ wasWoken: Bool) -> Void = { _ in }
    ) async throws {
        let waiter = Waiter(for: purpose, on: subject)
        join(waiter)
        do {
            try whenJoined()
            try await waiter.wait(ignoresNativeCancellation: ignoresNativeCancellation)
        } catch {
            leave(waiter)
            ifCancelled(waiter.state == .finished)
            throw error
        }
        leave(waiter)
    }

    /// Waits like ``park(for:on:ignoresNativeCancellation:whenJoined:ifCancelled:)``, but at most until `deadline` on
    /// the loop's clock.
    ///
    /// - Throws: `CancellationError` if the task is cancelled. Reaching the deadline does not throw an error.
    func park(for purpose: StaticString, on subject: AnyObject? = nil, until deadline: Int64?, of loop: EventLoop)
        async throws
    {
        guard let deadline else { return try await park(for: purpose, on: subject) }
        let waiter = Waiter(for: purpose, on: subject)
        join(waiter)
        let timer = loop.schedule(.complete(waiter), at: deadline)
        defer {
            timer.cancel()
            leave(waiter)
        }
        try await waiter.wait()
    }

    // MARK: Wake

    /// Wakes the first waiter. The waiter stays in the queue until its task runs. This method does nothing if the first
    /// waiter has already been woken.
    func wakeFirst() { first?.complete() }

    /// Wakes the first `count` waiters that have not been woken yet. The waiters stay in the queue until their tasks
    /// run.
    ///
    /// - Returns: The number of woken tasks.
    @usableFromInline
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

    /// Wakes the waiters whose subject is `subject`. The waiters stay in the queue until their tasks run.
    func wake(on subject: AnyObject) {
        for waiter in waiters where waiter.subject === subject { waiter.complete() }
    }

    /// Removes waiters from the front of the queue until one of the removed waiters can be woken, and wakes that
    /// waiter.
    func wakeAndRemoveFirst() {
        while let waiter = first {
            remove(waiter)
            guard !waiter.isDone else { continue }
            waiter.complete()
            return
        }
    }

    // MARK: State

    var isEmpty: Bool { first == nil }

    /// Whether the queue contains a waiter that has not been cancelled.
    @usableFromInline
    var hasLiveWaiter: Bool {
        var waiter = first
        while let current = waiter {
            if !current.wasCancelled { return true }
            waiter = current.next
        }
        return false
    }

    /// The waiters, in order.
    var waiters: [Waiter] { Array(sequence(first: first, next: \.?.next).compactMap(\.self)) }

    // MARK: The list

    /// Adds a waiter to the end of the queue. Call this method only for a task that waits in several queues. The
    /// ``park`` methods call this method themselves.
    @inline(__always)
    func join(_ waiter: Waiter) {
        if Ownership.isChecked { checkOwner(for: waiter) }
        waiter.isQueued = true
        waiter.previous = last
        if let last { last.with { $0.next = waiter } } else { first = waiter }
        last = Unretained(waiter)
    }

    @inline(never)
    private func checkOwner(for waiter: Waiter) {
        Ownership.check(&owner, on: EventLoop.required(for: "await"), "the object of \(waiter.waitDescription)")
    }

    /// Removes a waiter from any position in the queue. This method does nothing if the waiter has already left the
    /// queue.
    @inline(__always)
    func leave(_ waiter: Waiter) {
        if waiter.isQueued { remove(waiter) }
    }

    @inline(never)
    private func remove(_ waiter: Waiter) {
        waiter.isQueued = false
        let (previous, next) = (waiter.previous, waiter.next)
        if let next { next.previous = previous } else { last = previous }
        if let previous { previous.with { $0.next = next } } else { first = next }
        waiter.next = nil
        waiter.previous = nil
    }

    #if DEBUG
        /// Stops the program if the list is inconsistent.
        func checkInvariants() {
            var (previous, waiter): (Waiter?, Waiter?) = (nil, first)
            while let current = waiter {
                precondition(current.isQueued, "a waiter in the queue is marked as queued")
                precondition(current.previous?.object === previous, "a waiter's `previous` is the waiter before it")
                (previous, waiter) = (current, current.next)
            }
            precondition(last?.object === previous, "`last` is the last waiter of the queue")
        }
    #endif
}
