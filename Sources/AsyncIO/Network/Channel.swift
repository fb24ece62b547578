internal import AsyncIOSystem
internal import SystemPackage

/// What sockets, pipes and what stands on them have in common: two ends, of reading and of
/// writing, and one end of all. Loop thread only.
//
// States: open → closing (nothing is read; what is kept is still sent) → lost. `lost`
// happens once, in a turn of its own, and tells everybody who waits. A channel that fails
// is closing at once, with its error, and keeps nothing.
class Channel {
    enum State { case open, closing, lost }

    final let loop: EventLoop
    @safe @exclusivity(unchecked) private(set) final var state = State.open
    /// What happened to the channel: nil for an ordinary end.
    @safe @exclusivity(unchecked) private(set) final var error: (any Error)?
    /// The turn in which it is lost has been asked for.
    private final var isEndQueued = false

    // Writing.
    /// More is kept than the high-water mark, and it has not come down to the low one yet.
    @safe @exclusivity(unchecked) private(set) final var isPaused = false
    @safe @exclusivity(unchecked) private(set) final var highWater = 64 * 1024
    @safe @exclusivity(unchecked) private(set) final var lowWater = 16 * 1024
    private final var drainers = WaitQueue()
    /// Called when `isPaused` changes, inside whatever changed it.
    final var onPauseChanged: ((_ isPaused: Bool) -> Void)?

    // The end.
    /// What stands on the channel, and hears of its end: held while the channel is closing,
    /// and not before, so that one that nobody holds any more can go and be reported.
    final weak var owner: AnyObject?
    private final var closingOwner: AnyObject?
    private final var closers = WaitQueue()
    /// Called when the channel is lost, once: for what stands on the channel.
    final var onLost: (((any Error)?) -> Void)?
    /// Called after `onLost`: for the server, which keeps count.
    final var onReleased: (() -> Void)?

    init(on loop: EventLoop) { self.loop = loop }

    deinit {
        if state != .lost { onReleased?() }
    }

    // MARK: What each kind does in its own way

    /// Suspends until a try to receive may give something.
    ///
    /// - Throws: `CancellationError`, which loses nothing.
    @inline(__always)
    nonisolated(nonsending) final func waitReadable() async throws {
        guard let waiter = readWaiter() else {
            // A peer may send without end what comes to nothing.
            return loop.isBudgetSpent ? try await giveWay() : ()
        }
        try checkLoop()
        try await waiter.wait()
    }

    /// Nobody would wake who waits for something of a loop that is closed.
    @inline(__always)
    private final func checkLoop() throws {
        if loop.isClosed { throw RuntimeError("\(name) belongs to an event loop that is closed") }
    }

    /// What completes when a try to receive may give something; nil if it may now. One task
    /// waits at a time.
    func readWaiter() -> Waiter? { abstract() }

    /// Whether a try to receive may give something, as far as is
    /// known without trying: no callback is to come for what is there already.
    var isReadable: Bool { abstract() }

    /// Calls `callback`, each time in a turn of its own, when ``isReadable`` becomes true, and
    /// once if it is; nil: no more. Not for a channel that somebody waits for.
    func whenReadable(_ callback: (() -> Void)?) { abstract() }

    /// How many bytes are kept.
    var outgoingCount: Int { abstract() }

    /// Reads no more, sends what is kept, and ends. Calling it again does nothing.
    func close() { abstract() }

    /// Ends without sending what is kept.
    ///
    /// - Parameter error: what it ends with, if it has no error yet.
    func abort(with error: (any Error)?) { abstract() }

    /// Lets go of what is below; called once, when the channel is lost.
    func release() { abstract() }

    // MARK: Facts

    /// For messages.
    var name: String { peerAddress?.description ?? "connection" }
    var localAddress: SocketAddress? { nil }
    var peerAddress: SocketAddress? { nil }
    /// The descriptor at the bottom; nil once it is closed.
    var descriptor: Int32? { nil }

    final var isClosing: Bool { state != .open }
    final func abort() { abort(with: nil) }

    // MARK: Water marks

    /// - Parameters:
    ///   - high: nil for 64 KiB, or for four times `low` if that is given.
    ///   - low: nil for a quarter of `high`.
    final func setWaterMarks(high: Int?, low: Int?) throws(ValueError) {
        let high = high ?? low.map { $0 > .max / 4 ? .max : 4 * max($0, -1) } ?? 64 * 1024
        try setWaterMarks(high: high, low: low ?? high / 4)
    }

    func setWaterMarks(high: Int, low: Int) throws(ValueError) {
        guard high >= low, low >= 0 else {
            throw ValueError("high (\(high)) must be >= low (\(low)) must be >= 0")
        }
        highWater = high
        lowWater = low
        notePressure()
    }

    /// To be called after each change of `outgoingCount`.
    @inline(__always)
    final func notePressure() {
        let count = outgoingCount
        if isPaused ? count <= lowWater : count > highWater { changePressure() }
    }

    private final func changePressure() {
        isPaused.toggle()
        if !isPaused { drainers.wake() }
        onPauseChanged?(isPaused)
    }

    /// Waits until less than the low-water mark is kept, if it was above the high one.
    ///
    /// - Throws: what the channel failed with, or ``OSError`` if it is lost; `CancellationError`.
    nonisolated(nonsending) final func drain() async throws {
        if isPaused, state != .lost, error == nil {
            try checkLoop()
            let place = Waiter(for: "StreamWriter.drain()")
            drainers.append(place)
            defer { drainers.remove(place) }
            try await place.wait()
        }
        if let error { throw error }
        if state == .lost { throw OSError(.connectionReset, "Connection lost") }
    }

    /// - Throws: what the channel failed with, or ``OSError`` if it is lost; ``RuntimeError``
    ///   if it is closing.
    final func checkWritable() throws {
        if let error { throw error }
        switch state {
        case .open: return
        case .closing: throw RuntimeError("write() after close()")
        case .lost: throw OSError(.connectionReset, "Connection lost")
        }
    }

    // MARK: Ending

    /// Waits until the channel is lost.
    ///
    /// - Throws: what it failed with; `CancellationError`.
    nonisolated(nonsending) final func waitClosed() async throws {
        if state != .lost {
            try checkLoop()
            let place = Waiter(for: "StreamWriter.waitClosed()")
            closers.append(place)
            defer { closers.remove(place) }
            try await place.wait()
        }
        if let error { throw error }
    }

    /// For subclasses: the channel is closing from now on, and will tell by itself when it
    /// is lost.
    final func beginClosing() {
        if state == .open { state = .closing }
        closingOwner = owner
    }

    /// For subclasses: the channel ends in a turn of its own, with `error` if it has none yet;
    /// at once if its loop is closed, and makes no more turns.
    final func endSoon(with error: (any Error)? = nil) {
        guard state != .lost else { return }
        beginClosing()
        if self.error == nil { self.error = error }
        if loop.isClosed { return loop.whileCurrent { end() } }
        guard !isEndQueued else { return }
        isEndQueued = true
        loop.ready.append(.handle(Handle(.callback { [self] in end() })))
    }

    private final func end() {
        guard state != .lost else { return }
        state = .lost
        release()
        onPauseChanged = nil
        drainers.wake()
        closers.wake()
        onLost.take()?(error)
        onReleased.take()?()
        closingOwner = nil
    }

    final func abstract(_ function: String = #function) -> Never {
        fatalError("\(type(of: self)) lacks \(function); this is a mistake in swift-asyncio.")
    }
}
