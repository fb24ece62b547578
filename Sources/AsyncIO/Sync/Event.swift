/// A flag that tasks can wait for.
///
/// asyncio: `asyncio.Event`.
public final class Event {
    @usableFromInline let line = WaitQueue()
    /// Whether the event is set.
    ///
    /// asyncio: `Event.is_set`.
    @safe @exclusivity(unchecked) public private(set) var isSet = false

    /// Creates an event that is not set.
    public init() {}

    /// Sets the event and wakes all waiting tasks. These tasks continue even if the event is cleared immediately.
    ///
    /// - Complexity: O(*n*), where *n* is the number of waiting tasks.
    ///
    /// asyncio: `Event.set`.
    public func set() {
        guard !isSet else { return }
        isSet = true
        line.wake()
    }

    /// Clears the event. Tasks that begin to wait after this call wait for the next ``set()``.
    ///
    /// asyncio: `Event.clear`.
    public func clear() { isSet = false }

    /// Waits until the event is set. If the event is already set, this method does not suspend.
    ///
    /// - Throws: `CancellationError` if the task is cancelled while it waits.
    ///
    /// asyncio: `Event.wait`.
    public func wait() async throws {
        guard !isSet else { return }
        try await line.park(for: "Event.wait()", on: self)
    }
}
