internal import AsyncIOSystem

// # The mailbox
//
// One lock guards everything. No thread holds it while it waits or wakes others.
//
// An item is *available*, or *promised* to a getter that waited for it. Promised items come first. A place is taken by
// an available item, *reserved* for a putter that waited for it, or free. A waiter is in one of these states:
//
//     waiting   in the line of getters or putters;
//     served    removed from the line by another thread or task: an item is promised to the getter, or a place is
//               reserved for the putter, which takes or puts its item when it runs;
//     refused   removed because the mailbox was shut down;
//     left      removed, because its task was cancelled, its time is up, or its loop was closed.
//
// So a waiter never holds an item that could be lost. A waiter that leaves after it was served passes the promise on.
// No waiter is overtaken: an item that becomes available is promised to the first getter in line before others see it,
// and while putters are in line, others cannot put.
//
// ## Serving in batches
//
// If each item that is taken from a full mailbox woke one putter, each item would cost a thread crossing, and all
// senders would be asleep most of the time. So a receiver on a loop lets the putters wait until half of the places are
// free, or no items are left, or its step is over. The loop serves them then (LoopMailboxes), so the putters never
// depend on a later call of the receiver. Until then, other threads also leave the putters to the loop. Otherwise, a
// receiver that is not on a loop serves a putter for each item that it takes.
//
// A task on a loop waits by means of the loop, so reports name the wait, and cancellation works as in asyncio. Other
// Swift tasks wait with a continuation, and threads wait at a gate.

/// The state of a mailbox without its items. It contains the number of items, and the waiters.
//
// SAFETY: the lock guards every variable.
@usableFromInline
final class MailboxState: @unchecked Sendable {
    private let lock = ThreadLock()
    private let maxSize: Int

    @safe @exclusivity(unchecked) private var available = 0
    @safe @exclusivity(unchecked) private var promised = 0
    @safe @exclusivity(unchecked) private var reserved = 0
    @safe @exclusivity(unchecked) private var isShutDown = false
    @safe @exclusivity(unchecked) private var getters = WaiterLine()
    @safe @exclusivity(unchecked) private var putters = WaiterLine()
    /// Whether a loop will serve the putters at the end of its current step.
    @safe @exclusivity(unchecked) private var isServedLater = false

    init(maxSize: Int) { self.maxSize = maxSize }

    // MARK: Facts

    struct Facts {
        let count: Int
        let isFull, isShutDown: Bool
        let getters, putters: Int
    }

    var facts: Facts {
        lock.lock()
        defer { lock.unlock() }
        return Facts(
            count: available, isFull: !hasRoom, isShutDown: isShutDown, getters: getters.length,
            putters: putters.length)
    }

    private var freePlaces: Int { maxSize - available - reserved }
    @inline(__always)
    private var hasRoom: Bool { putters.isEmpty && freePlaces > 0 }

    // MARK: Putting

    /// Returns true, with the lock held, if the mailbox has room. The caller must then append the item and call
    /// ``endPut()``.
    @usableFromInline
    func beginPut() throws(QueueShutDown) -> Bool {
        lock.lock()
        if !isShutDown, hasRoom { return true }
        defer { lock.unlock() }
        if isShutDown { throw QueueShutDown() }
        return false
    }

    /// Returns with the lock held. Call this method after a place was reserved for the caller; see ``waitForRoom(_:)``.
    @usableFromInline
    func beginReservedPut() throws(QueueShutDown) {
        lock.lock()
        reserved -= 1
        guard isShutDown else { return }
        lock.unlock()
        // Items that were accepted before a shutdown are delivered. This one was not accepted yet.
        throw QueueShutDown()
    }

    @usableFromInline
    func endPut() {
        available += 1
        // If a getter was waiting, the place is still free.
        unlock(waking: serveAll())
    }

    /// Suspends the calling task until a place is reserved for it.
    @usableFromInline
    func waitForRoom(_ mailbox: AnyObject) async throws {
        try await wait(MailboxWaiter(.ofThisTask("Mailbox.put()", on: mailbox), isGetter: false))
    }

    /// Blocks the calling thread until a place is reserved for it.
    @usableFromInline
    func blockForRoom(_ timeout: Duration?, fileID: StaticString, line: UInt) throws {
        try block(isGetter: false, timeout, CreationSite(fileID: fileID, line: line))
    }

    // MARK: Getting

    /// Returns true, with the lock held, if the mailbox has an item. The caller must then remove the first item and
    /// call ``endGet()``.
    @usableFromInline
    func beginGet() throws(QueueShutDown) -> Bool {
        lock.lock()
        if available > 0 {
            available -= 1
            return true
        }
        defer { lock.unlock() }
        if isShutDown { throw QueueShutDown() }
        return false
    }

    /// Returns with the lock held. Call this method after an item was promised to the caller; see ``waitForItem(_:)``.
    @usableFromInline
    func beginPromisedGet() {
        lock.lock()
        promised -= 1
    }

    @usableFromInline
    func endGet() {
        if putters.isEmpty { return lock.unlock() }
        unlock(waking: servePutters(canWait: true))
    }

    /// Suspends the calling task until an item is promised to it.
    @usableFromInline
    func waitForItem(_ mailbox: AnyObject) async throws {
        try await wait(MailboxWaiter(.ofThisTask("Mailbox.get()", on: mailbox), isGetter: true))
    }

    /// Blocks the calling thread until an item is promised to it.
    @usableFromInline
    func blockForItem(_ timeout: Duration?, fileID: StaticString, line: UInt) throws {
        try block(isGetter: true, timeout, CreationSite(fileID: fileID, line: line))
    }

    // MARK: Serving

    /// Serves the waiters with the items and places that are available.
    @inline(__always)
    private func serveAll() -> MailboxWaiter? {
        let getter = serveGetter()
        let putters = servePutters()
        return getter?.followed(by: putters) ?? putters
    }

    /// Promises the first available item to the first getter in line, if both exist.
    private func serveGetter() -> MailboxWaiter? {
        guard available > 0, !getters.isEmpty else { return nil }
        available -= 1
        promised += 1
        return getters.take(atMost: 1, .served).chain
    }

    /// Reserves the free places for the first putters in line, and returns these putters.
    ///
    /// - Parameter canWait: Whether the putters can wait for more places, if the loop of this thread serves them later.
    private func servePutters(canWait: Bool = false) -> MailboxWaiter? {
        let free = freePlaces
        guard !putters.isEmpty, free > 0 else { return nil }
        if available > 0, free < maxSize / 2, isServedLater || canWait && serveLater() { return nil }
        let (served, count) = putters.take(atMost: free, .served)
        reserved += count
        return served
    }

    /// Makes the loop that is running on this thread, if any, serve the putters at the end of its step.
    private func serveLater() -> Bool {
        _ = EventLoop.withHere { loop in
            guard loop.isRunning else { return }
            isServedLater = true
            loop.component(LoopMailboxes.self).serveLater(self)
        }
        return isServedLater
    }

    /// Serves the putters that were left to the loop.
    func serveNow() {
        lock.lock()
        isServedLater = false
        unlock(waking: servePutters())
    }

    /// Releases the lock, and wakes the waiters that were served or refused.
    private func unlock(waking chain: MailboxWaiter?) {
        #if DEBUG
            checkInvariants()
        #endif
        lock.unlock()
        if let chain { wake(chain) }
    }

    /// Wakes the waiters of a chain.
    private func wake(_ chain: MailboxWaiter) {
        var next: MailboxWaiter? = chain
        while let waiter = next {
            next = waiter.next.take()
            waiter.waiting.wake()
        }
    }

    // MARK: Waiting

    /// Returns whether the running task must yield, because its step has used up its budget. A loop must also run its
    /// other tasks, even if other threads fill the mailbox as fast as the task empties it.
    @usableFromInline
    static func mustGiveWay() -> Bool {
        var isSpent = false
        _ = EventLoop.withHere { loop in
            isSpent = loop.isBudgetSpent
            if !isSpent { loop.spend(0) }
        }
        return isSpent
    }

    @usableFromInline
    static func yield() async throws {
        try await giveWay()
        EventLoop.spend(0)
    }

    private func wait(_ waiter: MailboxWaiter) async throws {
        if try isServedAtOnce(waiter) { return }
        let mailboxes = waiter.waiting.loop?.component(LoopMailboxes.self)
        mailboxes?.add(waiter, of: self)
        defer { mailboxes?.remove(waiter) }
        do {
            try await waiter.waiting.wait { self.leave(waiter) }
        } catch {
            if !leave(waiter) { passOn(waiter) }
            throw error
        }
        try checkServed(waiter)
    }

    private func block(isGetter: Bool, _ timeout: Duration?, _ site: CreationSite) throws {
        let gate = ThreadGate()
        let waiter = MailboxWaiter(.gate(gate), isGetter: isGetter)
        if try isServedAtOnce(waiter) { return }
        if !gate.wait(timeout: timeout?.roundedUpNanoseconds), leave(waiter) {
            throw TimeoutError(limit: timeout, site: site)
        }
        try checkServed(waiter)
    }

    /// Serves the waiter and returns true, or puts the waiter in line and returns false.
    private func isServedAtOnce(_ waiter: MailboxWaiter) throws(QueueShutDown) -> Bool {
        lock.lock()
        let isReady = waiter.isGetter ? available > 0 : hasRoom && !isShutDown
        if !isReady, isShutDown {
            lock.unlock()
            throw QueueShutDown()
        }
        guard isReady else {
            if waiter.isGetter { getters.append(waiter) } else { putters.append(waiter) }
            lock.unlock()
            return false
        }
        waiter.phase = .served
        if waiter.isGetter {
            available -= 1
            promised += 1
        } else {
            reserved += 1
        }
        unlock(waking: waiter.isGetter ? servePutters(canWait: true) : nil)
        return true
    }

    /// Serves the waiter and returns true, or puts the waiter in line and returns false. If the mailbox was shut down
    /// and is empty, returns true.
    func join(_ waiter: MailboxWaiter) -> Bool { (try? isServedAtOnce(waiter)) ?? true }

    /// Takes over the item that was promised to the waiter. Returns false if no item was promised.
    func claim(_ waiter: MailboxWaiter) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        guard waiter.phase == .served else { return false }
        waiter.phase = .left
        return true
    }

    private func checkServed(_ waiter: MailboxWaiter) throws {
        lock.lock()
        defer { lock.unlock() }
        switch waiter.phase {
        case .waiting, .served: return
        case .refused: throw QueueShutDown()
        // The task continues although its loop was closed.
        case .left: throw CancellationError()
        }
    }

    /// Removes a waiter from its line. Returns false if the waiter was no longer in the line.
    @discardableResult
    func leave(_ waiter: MailboxWaiter) -> Bool {
        lock.lock()
        defer { lock.unlock() }
        guard waiter.phase == .waiting else { return false }
        waiter.phase = .left
        if waiter.isGetter { getters.remove(waiter) } else { putters.remove(waiter) }
        return true
    }

    /// Passes the item or place of a served waiter on to the next waiters, because the waiter was cancelled or its loop
    /// was closed.
    func passOn(_ waiter: MailboxWaiter) {
        lock.lock()
        guard waiter.phase == .served else { return lock.unlock() }
        waiter.phase = .left
        if waiter.isGetter {
            promised -= 1
            available += 1
        } else {
            reserved -= 1
        }
        unlock(waking: serveAll())
    }

    /// Checks whether the calling thread can be blocked.
    ///
    /// - Throws: ``RuntimeError`` if the calling thread is running a loop, which the caller would block.
    @usableFromInline
    static func checkCanBlock(_ function: StaticString) throws(RuntimeError) {
        guard let loop = EventLoop.here else { return }
        throw RuntimeError("Mailbox.\(function)() would block the event loop \"\(loop.name)\"; use await")
    }

    // MARK: The end

    /// Returns with the lock held. The caller must then drop the items and call ``endShutdown(droppingItems:)``.
    ///
    /// - Returns: The number of items that are promised to getters. These items come first, and must not be dropped.
    func beginShutdown() -> Int {
        lock.lock()
        isShutDown = true
        return promised
    }

    func endShutdown(droppingItems: Bool) {
        if droppingItems { available = 0 }
        let getters = getters.isEmpty ? nil : getters.take(atMost: .max, .refused).chain
        let putters = putters.isEmpty ? nil : putters.take(atMost: .max, .refused).chain
        unlock(waking: getters?.followed(by: putters) ?? putters)
    }

    #if DEBUG
        /// Stops the program if a waiter is waiting although an item or a place is available.
        private func checkInvariants() {
            precondition(available >= 0 && promised >= 0 && reserved >= 0, "a mailbox counts what it has")
            precondition(getters.isEmpty || available == 0, "no getter waits while an item is available")
            precondition(
                putters.isEmpty || freePlaces <= 0 || isServedLater,
                "every putter that waits for a free place will be served")
        }
    #endif
}
