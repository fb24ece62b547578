internal import AsyncIOSystem

// The interface that AsyncIOTesting uses.

extension EventLoop {
    /// The virtual time since the loop was created; nil in real time.
    package var virtualElapsed: Duration? { virtualNow.map { .nanoseconds($0 - virtual.start) } }

    /// Sets the date at which virtual time began, as the time since 1970.
    package func setVirtualStartDate(_ date: Duration) {
        virtual.epoch = date.roundedUpNanoseconds - virtual.start
        if EventLoop.here === self { ThreadState.virtualEpoch = virtual.epoch }
        if let virtualNow { _ = virtual.threads?.follow(virtualNow, epoch: virtual.epoch) }
    }

    /// Sets the maximum real time for which the loop waits for a thread that may answer.
    package func setVirtualGrace(_ grace: Duration) { virtual.grace = max(0, grace.roundedUpNanoseconds) }

    /// Makes the loop begin with a shorter grace, because earlier loops have waited in vain.
    ///
    /// - Parameter onChange: Called with the number of times in a row that this loop has waited in vain.
    package func setTimesInVain(_ times: Int, onChange: @escaping (Int) -> Void) {
        virtual.timesInVain = times
        virtual.onTimesInVain = onChange
    }

    /// Advances the clock by the time for which the program would have blocked the thread.
    package func passTime(_ nanoseconds: Int64) {
        guard let virtualNow, nanoseconds > 0 else { return }
        advance(to: virtualNow &+ nanoseconds)
    }

    /// Sets the limit up to which time can advance; nil for no limit. If `byHand` is true, time advances only as far as
    /// the program specifies.
    package func setVirtualLimit(_ elapsed: Duration?, byHand: Bool) {
        virtual.limit = elapsed.map { virtual.start.advanced(by: $0) }
        virtual.isSteppedByHand = byHand
    }

    /// Whether time advances only as far as the program specifies.
    package var isSteppedByHand: Bool { virtual.isSteppedByHand }

    /// The limit up to which time can advance, if the latest run ended only because time reached this limit; nil
    /// otherwise.
    package var reachedLimit: Duration? {
        guard let limit = virtual.limit, let next = nextDeadline, next > limit else { return nil }
        return .nanoseconds(limit - virtual.start)
    }

    /// The number of timers that have not fired and were not cancelled.
    package var timerCount: Int { timers.count }

    package var unfinishedTasks: [AnyAsyncTask] { tasks.all }

    package func createMainTask<T>(
        name: String?, _ body: @escaping @MainActor () async throws -> T
    ) -> AsyncTask<T> {
        makeMainTask(name: name, body)
    }

    /// Runs the loop until nothing more can happen. Returns true if the run ended because the next timer is beyond the
    /// limit.
    package func runUntilStalled(limit: Duration?) throws -> Bool {
        setVirtualLimit(limit, byHand: false)
        defer { virtual.limit = nil }
        try whileOwner { try run(until: { isStalled }) }
        return nextDeadline != nil
    }

    /// Calls `body` as code on the loop's thread, if this loop runs on its own thread.
    private func whileOwner<T>(_ body: () throws -> T) rethrows -> T {
        home == nil ? try body() : try whileCurrent(body)
    }

    package func closeAsOwner() throws(RuntimeError) {
        let result = whileOwner { Result { () throws(RuntimeError) in try close() } }
        try result.get()
    }
}

extension EventLoop {
    /// Removes and returns the next entry of this turn, or returns nil if the turn ends early. In a seeded schedule, the
    /// entry is a random one.
    func popInVirtualTime(among count: Int) -> ReadyEntry? {
        if let guest, guest.endsTurn(&schedule) { return nil }
        moveRandomEntryToFront(among: count)
        guard let entry = ready.popFirst() else { return nil }
        (guest?.outer ?? self).virtual.noteStep(entry)
        return virtual.hosts == nil ? entry : admitted(entry)
    }

    /// Whether the loop was closed before all of its tasks had ended.
    package var hasLeftTasks: Bool { leftTasks > 0 }

    /// Whether the latest run ended because nothing more could happen.
    package var hasStalled: Bool { isStalled }
}

// MARK: The clock

extension EventLoop {
    /// The date at which virtual time begins, in nanoseconds since 1970. The date is 1 January 2001 at 00:00 UTC, which
    /// is Foundation's reference date.
    private static let firstDate: Int64 = 978_307_200_000_000_000

    func beginVirtualTime() {
        let now = SystemClock.now()
        virtualNow = now
        virtual.start = now
        virtual.epoch = Self.firstDate - now
    }

    func advance(to time: Int64) {
        virtualNow = time
        ThreadState.virtualTime = time
        if let threads = virtual.threads, threads.follow(time, epoch: virtual.epoch) { virtual.noteTimersFired() }
    }

    /// The time of the next timer: one of this loop, or one of the threads that follow it.
    private var nextDeadline: Int64? {
        guard let threads = virtual.threads else { return timers.first }
        return [timers.first, threads.nextDeadline].compactMap(\.self).min()
    }

    /// Returns the real time for which a loop in virtual time sleeps when nothing is ready. If the loop expects nothing
    /// from other threads, this method lets virtual time jump to the next timer and returns 0.
    func idleTime(inVirtualTime now: Int64) -> Int64? {
        if isFollowed, let patience = virtual.patienceForThreads(now: SystemClock.now()) { return patience }
        let deadline = nextDeadline.flatMap { next in next <= virtual.limit ?? .max ? next : nil }
        // Other threads may still post items for the current time.
        if let patience = patience(isLast: deadline == nil && settlers == nil) { return patience }
        if !descriptors.isEmpty, mustPollFirst() { return 0 }
        if mainQueueHasNews() || inbox.hasNews || SignalArrivals.count != signalsSeen { return 0 }
        if wakeSettler() || wakeSettlerOfGuest() { return 0 }
        guard let deadline else { return stall() }
        advance(to: max(now, deadline))
        return 0
    }

    /// Returns the time to wait for other threads, or nil if the loop expects nothing from them.
    private func patience(isLast: Bool) -> Int64? {
        let guests = virtual.guests
        let work =
            isForeignWorkExpected || guests.contains(where: \.isForeignWorkExpected) || (isLast && !descriptors.isEmpty)
        let foreignWaits = guests.reduce(into: carriers.foreignWaits) { $0 += $1.carriers.foreignWaits }
        let others = mayBeContinued || guests.contains(where: \.mayBeContinued)
        guard work || others || !foreignWaits.isEmpty else { return nil }
        return virtual.patience(
            for: .init(work: work, others: others, foreignWaits: foreignWaits, isLast: isLast), now: SystemClock.now())
    }

    /// Stops the run, because nothing more can happen.
    private func stall() -> Int64? {
        isStalled = true
        isStopping = true
        return 0
    }
}
