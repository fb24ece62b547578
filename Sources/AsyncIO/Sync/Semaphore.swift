/// So many at a time, first come, first served.
///
/// asyncio: `asyncio.Semaphore`.
public class Semaphore {
    @safe @exclusivity(unchecked) final var line = WaitQueue()
    /// How many may still enter.
    @safe @exclusivity(unchecked) public private(set) final var value: Int

    /// - Throws: ``ValueError`` if `value` is negative.
    public init(_ value: Int = 1) throws(ValueError) {
        guard value >= 0 else { throw ValueError("Semaphore initial value must be >= 0, not \(value)") }
        self.value = value
    }

    /// Whether `acquire()` would have to wait: nothing is left, or others wait already.
    ///
    /// asyncio: `Semaphore.locked`.
    public final var isLocked: Bool { value == 0 || line.hasLiveWaiter }

    /// Waits until there is one left, and takes it.
    ///
    /// - Throws: `CancellationError`; then none was taken.
    ///
    /// asyncio: `Semaphore.acquire`.
    public nonisolated(nonsending) final func acquire() async throws {
        guard isLocked else {
            value -= 1
            return
        }
        let place = Waiter(for: "Semaphore.acquire()", on: self)
        line.append(place)
        defer {
            // Others may have come while this one's turn was on its way.
            while value > 0, wakeNext() {}
        }
        do {
            try await place.wait()
            line.remove(place)
        } catch {
            line.remove(place)
            if place.state == .finished { value += 1 }
            throw error
        }
    }

    /// Gives one back; the first in line gets it.
    ///
    /// - Throws: only a ``BoundedSemaphore`` does, and one that counts to no higher number.
    ///
    /// asyncio: `Semaphore.release`.
    public func release() throws(ValueError) {
        guard value < .max else { throw ValueError("Semaphore released too many times") }
        value += 1
        _ = wakeNext()
    }

    /// Hands one to the first in line who does not have one yet.
    private final func wakeNext() -> Bool {
        guard line.wake(1) == 1 else { return false }
        value -= 1
        return true
    }
}

/// A semaphore that cannot be released more often than it was acquired.
///
/// asyncio: `asyncio.BoundedSemaphore`.
public final class BoundedSemaphore: Semaphore {
    let bound: Int

    /// - Throws: ``ValueError`` if `value` is negative.
    public override init(_ value: Int = 1) throws(ValueError) {
        bound = value
        try super.init(value)
    }

    /// Gives one back; the first in line gets it.
    ///
    /// - Throws: ``ValueError`` if all are there already.
    ///
    /// asyncio: `BoundedSemaphore.release`.
    public override func release() throws(ValueError) {
        guard value < bound else { throw ValueError("BoundedSemaphore released too many times") }
        try super.release()
    }
}
