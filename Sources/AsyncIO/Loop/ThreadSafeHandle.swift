internal import AsyncIOSystem
internal import Synchronization

/// A handle for a callback that was scheduled from another thread.
///
/// asyncio: the `Handle` of `loop.call_soon_threadsafe`.
//
// SAFETY: `callback` belongs to the thread that ends the waiting phase, as recorded in `state`. This is either the
// loop's thread, which calls the callback, or the first thread that cancels the handle, which releases the callback.
// `next` belongs to the inbox; see Inbox.swift.
public final class ThreadSafeHandle: @unchecked Sendable {
    @safe @exclusivity(unchecked) var next: UInt = 0
    @safe @exclusivity(unchecked) private var callback: (@Sendable () throws -> Void)?
    private let state = Atomic(Phase.waiting)
    /// The address of the loop that runs the callback, for comparisons. It is written before the running phase begins.
    @safe @exclusivity(unchecked) private var runner: UInt = 0

    /// The phases of the callback. Adding one moves to the next phase. The flags are bits above the phase.
    private enum Phase {
        static let waiting: UInt8 = 0
        static let running: UInt8 = 1
        static let ended: UInt8 = 2
        static let mask: UInt8 = 3
        static let cancelledFlag: UInt8 = 4
        /// A flag that is set while a thread is waiting until the callback has ended.
        static let awaitedFlag: UInt8 = 8
    }

    init(_ callback: @escaping @Sendable () throws -> Void) { self.callback = callback }

    /// Whether ``cancel()`` has been called.
    ///
    /// asyncio: `Handle.cancelled`.
    public var isCancelled: Bool { state.load(ordering: .relaxed) & Phase.cancelledFlag != 0 }

    /// Prevents the callback from running. If the callback is running, this method waits until the callback has ended.
    /// On the loop's own thread, this method does not wait, because it would wait forever. You can call this method
    /// from any thread.
    ///
    /// asyncio: `Handle.cancel`.
    public func cancel() {
        let before = state.bitwiseOr(Phase.cancelledFlag, ordering: .acquiringAndReleasing).oldValue
        if before == Phase.waiting {
            callback = nil
        } else if before & Phase.mask == Phase.running, EventLoop.here.map({ Unretained($0).bits }) != runner {
            waitUntilEnded()
        }
    }

    /// Runs the callback. The loop calls this method only once.
    func run(on loop: EventLoop) {
        runner = Unretained(loop).bits
        guard
            state.compareExchange(
                expected: Phase.waiting, desired: Phase.running, successOrdering: .acquiringAndReleasing,
                failureOrdering: .relaxed
            ).exchanged
        else { return }
        if let callback = self.callback.take() { loop.call(callback) }
        let before = state.add(1, ordering: .acquiringAndReleasing).oldValue
        if before & Phase.awaitedFlag != 0 { Self.ended(self) }
    }

    // MARK: Waiting for the end

    // Waiters are rare, so handles reserve no memory for them.
    private static let waiters = Guarded<[(handle: ObjectIdentifier, gate: ThreadGate)]>([])

    private func waitUntilEnded() {
        let gate = ThreadGate()
        Self.waiters.withLock { $0.append((ObjectIdentifier(self), gate)) }
        let before = state.bitwiseOr(Phase.awaitedFlag, ordering: .acquiringAndReleasing).oldValue
        if before & Phase.mask == Phase.running {
            gate.wait()
        } else {
            Self.waiters.withLock { $0.removeAll { $0.gate === gate } }
        }
    }

    private static func ended(_ handle: ThreadSafeHandle) {
        let gates = waiters.withLock { waiters in
            let own = waiters.filter { $0.handle == ObjectIdentifier(handle) }
            waiters.removeAll { $0.handle == ObjectIdentifier(handle) }
            return own.map(\.gate)
        }
        for gate in gates { gate.open() }
    }
}
