/// A flag that tasks wait for.
///
/// asyncio: `asyncio.Event`.
public final class Event {
    @safe @exclusivity(unchecked) var line = WaitQueue()
    /// Whether the flag is up.
    ///
    /// asyncio: `Event.is_set`.
    @safe @exclusivity(unchecked) public private(set) var isSet = false

    public init() {}

    /// Raises the flag and wakes everybody who waits, also if it is lowered again at once.
    ///
    /// asyncio: `Event.set`.
    public func set() {
        guard !isSet else { return }
        isSet = true
        line.wake()
    }

    /// Lowers the flag: who waits from now on waits for the next `set()`.
    ///
    /// asyncio: `Event.clear`.
    public func clear() { isSet = false }

    /// Waits until the flag is up; does not suspend if it is.
    ///
    /// - Throws: `CancellationError`.
    ///
    /// asyncio: `Event.wait`.
    public nonisolated(nonsending) func wait() async throws {
        guard !isSet else { return }
        let place = Waiter(for: "Event.wait()", on: self)
        line.append(place)
        defer { line.remove(place) }
        try await place.wait()
    }
}
