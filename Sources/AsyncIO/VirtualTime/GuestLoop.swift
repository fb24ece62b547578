internal import AsyncIOSystem

// # Several loops on one thread
//
// In a simulation, a loop that would have its own thread is a *guest* of the simulation's loop. Its turns are entries
// of the outer loop. Therefore, the seed also decides in which order the loops take turns, and the same seed gives the
// same run. Loops on separate threads can also interleave their steps within a turn. Therefore, a turn can end early in
// a seeded schedule.
//
//     asleep       nothing is ready. The next item in the inbox, or the next timer, requests a turn
//     requested    the outer loop has an entry that takes a turn of the guest
//     turn         the guest is the current loop of the thread, and runs what is ready
//
// The clock belongs to the outer loop. A guest gets the time of the outer loop before each turn, and never sleeps. The
// guest's next deadline is a timer of the outer loop.
//
// Code of the simulation that uses objects of a guest, for example to deliver bytes to a connection, runs `inside` the
// guest. During this time, the guest is the current loop, but takes no turn.
//
// A guest whose program is killed is closed at once. None of its code runs after that.

/// Runs a loop on the thread of another one.
//
// SAFETY: `outer` and `wake` can be used on any thread. Everything else belongs to the thread of the outer loop.
@safe
final class GuestLoop: @unchecked Sendable {
    private unowned let loop: EventLoop
    /// The loop of the simulation.
    let outer: EventLoop
    private var isTurnRequested = false
    /// Whether the guest has run an entry in this turn.
    private var hasTakenStep = false
    /// The timer of the outer loop for the next deadline.
    private var timer: TimerHandle?
    private var continuation: UnsafeContinuation<Result<Void, any Error>, Never>?
    /// Whether the loop is being shut down.
    var isEnding: () -> Bool = { false }
    /// Called when the guest was closed because its program was killed.
    var onKill: () -> Void = {}

    init(_ loop: EventLoop, of outer: EventLoop) {
        (self.loop, self.outer) = (loop, outer)
    }

    // MARK: Running

    /// Runs the loop until it is stopped. Returns the error that ended the run.
    @MainActor
    func run() async -> Result<Void, any Error> {
        // SAFETY: `endRun` resumes the continuation exactly once. If the guest is closed instead, this task never
        // continues.
        await unsafe withUnsafeContinuation { continuation in
            // A closed loop means that its program was killed before the first turn.
            if loop.isClosed { return }
            unsafe self.continuation = continuation
            loop.beginRun()
            for component in loop.components { component.runWillBegin() }
            // The watchdog does not count a guest as blocked between its turns.
            loop.pulse.enterPoller()
            requestTurn()
        }
    }

    /// Runs the loop until the future has ended. Returns the error that ended the run, or the error of the future.
    @MainActor
    func run(until future: any Awaitable) async -> Result<Void, any Error> {
        loop.inside { _ = future.onDone { [unowned loop] _ in loop.stop() } }
        let end = await run()
        guard case .success = end, future.isDone else { return end }
        return loop.inside { Result { _ = try future.result() } }
    }

    private func endRun() {
        loop.pulse.leavePoller()
        for component in loop.components { component.runDidEnd() }
        let error = loop.escaping.take()
        loop.endRun()
        let continuation = unsafe self.continuation
        unsafe self.continuation = nil
        unsafe continuation?.resume(returning: error.map { .failure($0) } ?? .success(()))
    }

    private func takeTurn() {
        isTurnRequested = false
        guard loop.isRunning else { return }
        hasTakenStep = false
        loop.inbox.endSleep()
        loop.pulse.leavePoller()
        loop.inside {
            loop.runHandOvers()
            loop.turn()
        }
        loop.pulse.enterPoller()
        // The program may have killed itself.
        guard loop.isRunning else { return }
        if loop.isStopping || loop.escaping != nil { endRun() } else { rest() }
    }

    /// Sleeps until something is ready.
    private func rest() {
        if !loop.ready.isEmpty || !loop.inbox.beginSleep() { return requestTurn() }
        let deadline = loop.timers.first
        if timer?.deadline == deadline { return }
        timer?.cancel()
        timer = deadline.map { deadline in
            outer.schedule(
                .callback { [weak self] in
                    self?.timer = nil
                    self?.takeTurn()
                }, at: deadline)
        }
    }

    /// Returns whether the turn ends before the next entry. A seeded schedule decides this.
    func endsTurn(_ schedule: inout SeededGenerator?) -> Bool {
        let isFirst = !hasTakenStep
        hasTakenStep = true
        return !isFirst && schedule?.next(below: 4) == 0
    }

    /// Makes the outer loop take a turn of this one.
    func requestTurn() {
        guard !isTurnRequested else { return }
        isTurnRequested = true
        outer.ready.append(.handle(Handle(.callback { [weak self] in self?.takeTurn() })))
    }

    /// Calls `body` while the guest is the current loop. The guest first gets the time of the outer loop. Afterward,
    /// the outer loop gets the time of the guest, which is later if `body` has blocked the thread.
    fileprivate func whileCurrent<T>(_ body: () throws -> T) rethrows -> T {
        loop.virtualNow = outer.virtualNow
        defer { if let now = loop.virtualNow, now > outer.time { outer.advance(to: now) } }
        return try loop.whileCurrent(body)
    }

    // MARK: Any thread

    /// Requests a turn of this loop after an item has arrived in the inbox.
    func wake() {
        if isOnThread { requestTurn() } else { runOutside { [weak self] in self?.requestTurn() } }
    }

    /// Whether this thread runs the outer loop, or one of its guests.
    private var isOnThread: Bool {
        guard let here = EventLoop.here else { return false }
        return here === outer || here.guest?.outer === outer
    }

    /// Calls `body` on the outer loop.
    func runOutside(_ body: @escaping @Sendable () -> Void) { outer.post(.callback(body)) }

    // MARK: The end

    /// Closes the loop after its last run. Returns the error, or nil.
    func close() -> (any Error)? {
        timer?.cancel()
        outer.virtual.guests.removeAll { $0 === loop }
        let result = loop.inside { Result { try loop.close() } }
        return result.failure
    }

    /// Closes the loop at once. None of its code runs after that.
    fileprivate func kill() {
        if loop.isClosed { return }
        unsafe continuation = nil
        if loop.isRunning {
            // The watchdog, among others, must not keep the loop.
            for component in loop.components { component.runDidEnd() }
            loop.endRun()
        }
        _ = close()
        onKill()
    }
}

extension EventLoop {
    /// The loop of the simulation to which the running code of this loop belongs, or nil.
    var simulation: EventLoop? {
        let outer = guest?.outer ?? self
        return outer.virtualNow != nil && outer.virtual.hosts != nil ? outer : nil
    }

    /// Makes a new loop in virtual time a guest of the loop of a simulation.
    func becomeGuest(of outer: EventLoop) throws(OSError) {
        // A signal for this loop must wake the thread of the outer loop.
        do { try poller.wakeUp.redirect(to: outer.poller.wakeUp) } catch {
            throw OSError(error, "creating a loop in a simulation")
        }
        guest = GuestLoop(self, of: outer)
        isPumped = true
        abandonsTasks = true
        virtualNow = outer.virtualNow
        virtual.start = outer.virtual.start
        virtual.epoch = outer.virtual.epoch
        virtual.asksHosts = outer.virtual.asksHosts
        if let seed = outer.schedule?.next() { schedule = SeededGenerator(seed: seed) }
        setSimulatedHosts(outer.virtual.hosts)
        outer.virtual.guests.append(self)
        virtual.hosts?.loopCreated(self)
    }

    /// The guests of this loop that are not closed, in the order in which they were created.
    package var guests: [EventLoop] { virtual.guests }

    /// Calls `body` as code of this loop. The caller runs on this loop, or on the thread of a simulation in which this
    /// loop is a guest.
    package func inside<T>(_ body: () throws -> T) rethrows -> T {
        guard let guest, EventLoop.here !== self else { return try body() }
        defer { if isRunning, !ready.isEmpty { guest.requestTurn() } }
        return try guest.whileCurrent(body)
    }

    /// Closes a guest at once, because its program was killed. Its tasks never continue, and nothing is reported.
    package func killGuest() {
        exceptionHandler = { _ in }
        guest?.kill()
    }

    /// Runs until the guests that are being shut down are closed.
    func waitForGuestsThatEnd() throws {
        guard !virtual.guests.isEmpty else { return }
        try run(until: { !virtual.guests.contains { $0.guest?.isEnding() == true } })
    }

    /// Closes the guests that are left when this loop is closed.
    func endGuests() {
        for guest in virtual.guests {
            guest.callExceptionHandler(
                ExceptionContext(message: "EventLoopThread \"\(guest.name)\" was not shut down"))
            guest.guest?.kill()
        }
    }

    /// Resumes the first task of a guest that is suspended in ``settled()``, and returns whether there was one.
    func wakeSettlerOfGuest() -> Bool { virtual.guests.contains { guest in guest.inside { guest.wakeSettler() } } }
}

extension Result {
    var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}
