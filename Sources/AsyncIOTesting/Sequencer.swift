internal import AsyncIO

/// Runs parts of several tasks in a given order.
///
/// ```swift
/// let sequence = Sequencer()
/// let writer = createTask {
///     try await sequence(0) { try await cache.store("a") }
///     try await sequence(2) { try await cache.store("b") }
/// }
/// try await sequence(1) { #expect(cache["a"] != nil) }
/// ```
///
/// Use each number only once, starting from 0. A part begins when all parts with smaller numbers have ended.
///
/// asyncio: none. In trio, this is `trio.testing.Sequencer`.
public final class Sequencer {
    private var next = 0
    private var used: Set<Int> = []
    private var waiting: [Int: Event] = [:]
    private var isBroken = false

    /// Creates a sequence that begins at 0.
    public init() {}

    /// Waits until all parts with smaller numbers have ended, and then runs `body`.
    ///
    /// If the task is cancelled while it waits, the sequence is broken. In that case, this call, all other waiting
    /// calls, and all later calls throw an error. If `body` throws an error, the next part still begins.
    ///
    /// - Throws: The errors of `body`; `CancellationError` if the task is cancelled; `RuntimeError` if the position was
    ///   used before, or if the sequence is broken; `ValueError` if the position is negative.
    @discardableResult
    public func callAsFunction<T>(
        _ position: Int, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> T
    ) async throws -> T {
        if position < 0 { throw ValueError("a position must not be negative, got \(position)") }
        guard used.insert(position).inserted else {
            throw RuntimeError("position \(position) of the sequence was used twice")
        }
        if position > next, !isBroken {
            let event = Event()
            waiting[position] = event
            do {
                try await event.wait()
            } catch {
                breakOff()
                throw error
            }
        }
        if isBroken {
            throw RuntimeError("the sequence is broken, because a task was cancelled while it waited for its turn")
        }
        defer { advance() }
        return try await body()
    }

    private func advance() {
        next += 1
        waiting.removeValue(forKey: next)?.set()
    }

    private func breakOff() {
        isBroken = true
        for position in waiting.keys.sorted() { waiting[position]?.set() }
        waiting = [:]
    }
}

@available(*, unavailable, message: "a sequencer belongs to its loop's thread")
extension Sequencer: Sendable {}
