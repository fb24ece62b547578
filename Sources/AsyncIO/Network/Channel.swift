internal import AsyncIOSystem
internal import SystemPackage

/// The base class of sockets, pipes, and the channels built on them. A channel has a reading half and a writing half,
/// which end together. Use this type only on the loop's thread.
//
// States: open → closing (no more reads; buffered bytes are still sent) → lost. A channel becomes lost only once, in a
// separate turn, and wakes every waiter. If a channel fails, it changes to closing immediately, stores the error, and
// drops its buffered bytes.
package class Channel {
    enum State { case open, closing, lost }

    final let loop: EventLoop
    /// The state that the channels of the loop share.
    final let network: LoopNetwork
    @safe @exclusivity(unchecked) private(set) final var state = State.open
    /// The error that caused the channel to fail, or nil if the channel has not failed.
    @safe @exclusivity(unchecked) private(set) final var error: (any Error)?
    /// Whether the callback that ends the channel is already queued.
    private final var isEndQueued = false

    // Writing.
    /// Whether the buffer has risen above the high-water mark and has not yet fallen to the low-water mark.
    @safe @exclusivity(unchecked) private(set) final var isPaused = false
    @safe @exclusivity(unchecked) private(set) final var highWater = 64 * 1024
    @safe @exclusivity(unchecked) private(set) final var lowWater = 16 * 1024
    // This queue is created when a task waits, because most channels never need it.
    private final var drainers: WaitQueue?
    /// Called synchronously when `isPaused` changes.
    final var onPauseChanged: ((_ isPaused: Bool) -> Void)?

    // The end.
    /// The object that uses the channel and is notified when the channel ends. The channel retains this owner only
    /// while the channel is closing, so that an abandoned owner can be released and reported.
    final weak var owner: AnyObject?
    private final var closingOwner: AnyObject?
    private final var closers: WaitQueue?
    /// Called once when the channel is lost, to notify the owner.
    final var onLost: (((any Error)?) -> Void)?
    /// Called after `onLost`, to notify the server, which counts its connections.
    final var onReleased: (() -> Void)?

    init(on loop: EventLoop) {
        self.loop = loop
        network = loop.network
    }

    deinit {
        if state != .lost { onReleased?() }
    }

    // MARK: What subclasses implement

    /// Suspends until a receive operation can return bytes, the end of the stream, or an error.
    ///
    /// - Throws: `CancellationError` if the task is cancelled, in which case no bytes are lost.
    @inline(__always)
    final func waitReadable() async throws {
        guard let waiter = readWaiter() else {
            // A peer can keep sending bytes that never produce data.
            return loop.isBudgetSpent ? try await giveWay() : ()
        }
        try checkLoop()
        try await waiter.wait()
    }

    /// Throws an error if the loop is closed, because a closed loop would never wake the caller.
    @inline(__always)
    private final func checkLoop() throws {
        if loop.isClosed { throw RuntimeError("\(name) belongs to an event loop that is closed") }
    }

    /// Returns a waiter that completes when a receive operation can return bytes, the end of the stream, or an error.
    /// Returns nil if a receive operation can already do so. Only one task can wait at a time.
    func readWaiter() -> Waiter? { abstract() }

    /// Whether a receive operation can return bytes, the end of the stream, or an error, as far as the channel can
    /// determine without receiving. While this property remains true, the callback of ``whenReadable(_:)`` is not
    /// called again for data that is already available.
    var isReadable: Bool { abstract() }

    /// Calls `callback` each time ``isReadable`` becomes true. If the property is already true, the first call is
    /// queued immediately. Each call is made in a separate turn. Pass nil to stop the calls. Do not use this method on
    /// a channel for which a task is waiting.
    func whenReadable(_ callback: (() -> Void)?) { abstract() }

    /// The number of bytes that are buffered for sending.
    var outgoingCount: Int { abstract() }

    /// Stops reading, sends the buffered data, and ends the channel. Further calls do nothing.
    func close() { abstract() }

    /// Ends the channel without sending the buffered data.
    ///
    /// - Parameter error: The error with which the channel ends, unless the channel already has an error.
    func abort(with error: (any Error)?) { abstract() }

    /// Releases the resources that the channel uses. This method is called once, when the channel is lost.
    func release() { abstract() }

    // MARK: Facts

    /// The name of the channel, for use in messages.
    var name: String { peerAddress?.description ?? "connection" }
    var localAddress: Endpoint? { nil }
    var peerAddress: Endpoint? { nil }
    /// The descriptor of the lowest channel, or nil once the descriptor is closed.
    var descriptor: Int32? { nil }

    final var isClosing: Bool { state != .open }
    final func abort() { abort(with: nil) }

    // MARK: Water marks

    /// Sets the water marks of the buffer.
    ///
    /// - Parameters:
    ///   - high: The high-water mark, or nil for four times `low` (64 KiB if `low` is also nil).
    ///   - low: The low-water mark, or nil for a quarter of `high`.
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

    /// Updates ``isPaused``. Call this method each time after `outgoingCount` changes.
    @inline(__always)
    final func notePressure() {
        let count = outgoingCount
        if isPaused ? count <= lowWater : count > highWater { changePressure() }
    }

    private final func changePressure() {
        isPaused.toggle()
        if !isPaused { drainers?.wake() }
        onPauseChanged?(isPaused)
    }

    /// Waits until the buffer falls to the low-water mark. Returns at once if the buffer has not risen above the
    /// high-water mark.
    ///
    /// - Throws: The error that caused the channel to fail; ``OSError`` if the channel is lost; `CancellationError` if
    ///   the task is cancelled.
    final func drain() async throws {
        if isPaused, state != .lost, error == nil {
            try checkLoop()
            try await WaitQueue.of(&drainers).park(for: "StreamWriter.drain()")
        }
        if let error { throw error }
        if state == .lost { throw OSError(.connectionReset, "Connection lost") }
    }

    /// Checks that the channel can send bytes.
    ///
    /// - Throws: The error that caused the channel to fail; ``OSError`` if the channel is lost; ``RuntimeError`` if the
    ///   channel is closing.
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
    /// - Throws: The error that caused the channel to fail; `CancellationError` if the task is cancelled.
    final func waitClosed() async throws {
        if state != .lost {
            try checkLoop()
            try await WaitQueue.of(&closers).park(for: "StreamWriter.waitClosed()")
        }
        if let error { throw error }
    }

    /// Marks the channel as closing. Only subclasses call this method. A subclass later calls ``endSoon(with:)`` to end
    /// the channel.
    final func beginClosing() {
        if state == .open { state = .closing }
        closingOwner = owner
    }

    /// Ends the channel in a separate turn. If the channel does not have an error yet, it ends with `error`. If the
    /// loop is closed, the channel ends at once, because a closed loop makes no more turns. Only subclasses call this
    /// method.
    final func endSoon(with error: (any Error)? = nil) {
        guard state != .lost else { return }
        beginClosing()
        if self.error == nil { self.error = error }
        if loop.isClosed { return loop.whileCurrent { end() } }
        guard !isEndQueued else { return }
        isEndQueued = true
        loop.enqueue { [self] in end() }
    }

    /// Drops all callbacks. Only subclasses call this method.
    final func forgetCallbacks() {
        (onPauseChanged, onLost, onReleased, closingOwner) = (nil, nil, nil, nil)
    }

    private final func end() {
        guard state != .lost else { return }
        state = .lost
        release()
        onPauseChanged = nil
        drainers?.wake()
        closers?.wake()
        onLost.take()?(error)
        onReleased.take()?()
        closingOwner = nil
    }

    final func abstract(_ function: String = #function) -> Never {
        fatalError("\(type(of: self)) does not implement \(function); this is a bug in swift-asyncio")
    }
}
