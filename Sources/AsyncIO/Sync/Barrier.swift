/// A point where a number of tasks wait for each other, again and again.
///
/// asyncio: `asyncio.Barrier`.
public final class Barrier {
    /// `filling`: tasks arrive. `draining`: all have arrived, and leave. `resetting`: those
    /// that had arrived leave with an error. `broken`: nobody may come.
    private enum State { case filling, draining, resetting, broken }

    // Loop thread only; changed with the condition's lock held.
    let condition = Condition()
    private var state = State.filling
    private var count = 0

    /// How many tasks the barrier waits for.
    public let parties: Int

    /// - Throws: ``ValueError`` if `parties` is less than 1.
    public init(_ parties: Int) throws(ValueError) {
        guard parties >= 1 else { throw ValueError("parties must be >= 1, not \(parties)") }
        self.parties = parties
    }

    /// How many tasks wait at the barrier.
    ///
    /// asyncio: `Barrier.n_waiting`.
    public var waiting: Int { state == .filling ? count : 0 }

    /// Whether the barrier was aborted.
    ///
    /// asyncio: `Barrier.broken`.
    public var isBroken: Bool { state == .broken }

    /// Waits until as many tasks as the barrier has parties have come.
    ///
    /// A task that is cancelled meanwhile just leaves. While the last ones leave, newcomers
    /// wait for the next round.
    ///
    /// - Returns: the place of arrival, from 0; each task of a round gets another.
    /// - Throws: ``BrokenBarrierError`` if the barrier is aborted, or reset meanwhile;
    ///   `CancellationError`.
    ///
    /// asyncio: `Barrier.wait`.
    @discardableResult
    public nonisolated(nonsending) func wait() async throws -> Int {
        try await condition.acquire()
        do {
            let index = try await arrive()
            try condition.release()
            return index
        } catch {
            try? condition.release()
            throw error
        }
    }

    private nonisolated(nonsending) func arrive() async throws -> Int {
        try await condition.wait { state != .draining && state != .resetting }
        if state == .broken { throw BrokenBarrierError("Barrier aborted") }
        let index = count
        count += 1
        defer { depart() }
        if index + 1 == parties {
            state = .draining
            try condition.notifyAll()
        } else {
            try await condition.wait { state != .filling }
            if state == .broken || state == .resetting {
                throw BrokenBarrierError("Abort or reset of barrier")
            }
        }
        return index
    }

    private func depart() {
        count -= 1
        guard count == 0 else { return }
        if state == .resetting || state == .draining { state = .filling }
        // The lock is held here, so that this cannot throw.
        try? condition.notifyAll()
    }

    /// Empties the barrier: tasks that wait get a ``BrokenBarrierError``; when they have
    /// left, it is as new.
    ///
    /// asyncio: `Barrier.reset`.
    public nonisolated(nonsending) func reset() async throws {
        try await condition.acquire()
        state = count > 0 ? .resetting : .filling
        try condition.notifyAll()
        try condition.release()
    }

    /// Breaks the barrier: tasks that wait, and all that come, get a ``BrokenBarrierError``
    /// until it is reset.
    ///
    /// asyncio: `Barrier.abort`.
    public nonisolated(nonsending) func abort() async throws {
        try await condition.acquire()
        state = .broken
        try condition.notifyAll()
        try condition.release()
    }

    /// Waits at the barrier, then runs `body` with the place of arrival.
    ///
    /// asyncio: `async with barrier as position`.
    public nonisolated(nonsending) func with<T>(
        _ body: nonisolated(nonsending) (Int) async throws -> T
    ) async throws -> T {
        try await body(try await wait())
    }
}

/// The barrier was aborted, or reset while a task waited.
///
/// asyncio: `asyncio.BrokenBarrierError`.
public struct BrokenBarrierError: Error, CustomStringConvertible {
    public let message: String
    public init(_ message: String) { self.message = message }
    public var description: String { message }
}
