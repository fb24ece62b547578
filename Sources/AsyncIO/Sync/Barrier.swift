/// A point at which a fixed number of tasks repeatedly wait for each other.
///
/// asyncio: `asyncio.Barrier`.
public final class Barrier {
    /// The state of the barrier. In the state `filling`, tasks arrive. In the state `draining`, all tasks have arrived
    /// and are leaving. In the state `resetting`, the tasks that had arrived leave with an error. In the state
    /// `broken`, arriving tasks get an error.
    private enum State { case filling, draining, resetting, broken }

    // Loop thread only; changed with the condition's lock held.
    let condition = Condition()
    private var state = State.filling
    private var count = 0

    /// The number of tasks that the barrier waits for.
    ///
    /// asyncio: `Barrier.parties`.
    public let parties: Int

    /// Creates a barrier.
    ///
    /// - Parameter parties: The number of tasks that the barrier waits for.
    /// - Precondition: `parties` is at least 1. For a number that is known only at run time, use ``init(validating:)``.
    public init(_ parties: Int) {
        if parties < 1 { stop(Barrier.message(parties), instead: "Barrier(validating:)") }
        self.parties = parties
    }

    /// Creates a barrier from a number that is known only at run time.
    ///
    /// - Parameter parties: The number of tasks that the barrier waits for.
    /// - Throws: ``ValueError`` if `parties` is less than 1.
    public convenience init(validating parties: Int) throws(ValueError) {
        guard parties >= 1 else { throw ValueError(Barrier.message(parties)) }
        self.init(parties)
    }

    private static func message(_ parties: Int) -> String { "parties must be >= 1, got \(parties)" }

    /// The number of tasks that are waiting at the barrier.
    ///
    /// asyncio: `Barrier.n_waiting`.
    public var waiting: Int { state == .filling ? count : 0 }

    /// Whether the barrier was aborted; see ``abort()``.
    ///
    /// asyncio: `Barrier.broken`.
    public var isBroken: Bool { state == .broken }

    /// Waits until the number of tasks that have arrived is equal to ``parties``.
    ///
    /// If a waiting task is cancelled, it leaves the barrier, and the barrier waits for another task. While the tasks
    /// of a round are leaving, new tasks wait for the next round.
    ///
    /// - Returns: The position of this task in the round's order of arrival, starting from 0.
    /// - Throws: ``BrokenBarrierError`` if the barrier is aborted, or if it is reset while the task waits;
    ///   `CancellationError` if the task is cancelled while it waits.
    /// - Complexity: O(*n*) for the last task of a round, where *n* is the number of parties.
    ///
    /// asyncio: `Barrier.wait`.
    @discardableResult
    public func wait() async throws -> Int {
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

    private func arrive() async throws -> Int {
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
        // The lock is held here, so this cannot throw.
        try? condition.notifyAll()
    }

    /// Resets the barrier. Waiting tasks get a ``BrokenBarrierError``. After these tasks have left, the barrier can be
    /// used again.
    ///
    /// - Throws: `CancellationError` if the task is cancelled while it waits for the barrier's
    ///   lock. In that case, the barrier is not reset.
    /// - Complexity: O(*n*), where *n* is the number of waiting tasks.
    ///
    /// asyncio: `Barrier.reset`.
    public func reset() async throws {
        try await condition.acquire()
        state = count > 0 ? .resetting : .filling
        try condition.notifyAll()
        try condition.release()
    }

    /// Breaks the barrier. Waiting tasks, and all tasks that arrive before the next reset, get a
    /// ``BrokenBarrierError``.
    ///
    /// - Throws: `CancellationError` if the task is cancelled while it waits for the barrier's
    ///   lock. In that case, the barrier is not broken.
    /// - Complexity: O(*n*), where *n* is the number of waiting tasks.
    ///
    /// asyncio: `Barrier.abort`.
    public func abort() async throws {
        try await condition.acquire()
        state = .broken
        try condition.notifyAll()
        try condition.release()
    }

    /// Waits at the barrier, and then runs `body` with the result of ``wait()``.
    ///
    /// - Throws: The same errors as ``wait()``, including `CancellationError`; the error that `body` throws.
    ///
    /// asyncio: `async with barrier as position`.
    public func with<T>(
        _ body: nonisolated(nonsending) (Int) async throws -> T
    ) async throws -> T {
        try await body(try await wait())
    }
}

/// An error thrown when a task waits at an aborted barrier, or when a barrier is aborted or reset while a task waits.
///
/// asyncio: `asyncio.BrokenBarrierError`.
public struct BrokenBarrierError: Error, CustomStringConvertible {
    /// The message of the error.
    public let message: String
    /// Creates an error with a message.
    public init(_ message: String) { self.message = message }
    /// The message of the error.
    public var description: String { message }
}
