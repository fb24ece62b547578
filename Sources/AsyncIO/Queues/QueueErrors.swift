/// An error for getting an item without waiting from an empty queue.
///
/// asyncio: `asyncio.QueueEmpty`.
public struct QueueEmpty: Error, CustomStringConvertible {
    /// Creates the error.
    public init() {}
    /// The message of the error.
    public var description: String { "the queue is empty" }
}

/// An error for putting an item without waiting into a full queue.
///
/// asyncio: `asyncio.QueueFull`.
public struct QueueFull: Error, CustomStringConvertible {
    /// Creates the error.
    public init() {}
    /// The message of the error.
    public var description: String { "the queue is full" }
}

/// An error for using a queue that was shut down.
///
/// asyncio: `asyncio.QueueShutDown`.
public struct QueueShutDown: Error, CustomStringConvertible {
    /// Creates the error.
    public init() {}
    /// The message of the error.
    public var description: String { "the queue was shut down" }
}
