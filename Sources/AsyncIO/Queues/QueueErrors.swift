/// An error thrown when an item is taken without waiting, and the queue is empty.
///
/// asyncio: `asyncio.QueueEmpty`.
public struct QueueEmpty: Error, CustomStringConvertible {
    /// Creates the error.
    public init() {}
    /// The message of the error.
    public var description: String { "the queue is empty" }
}

/// An error thrown when an item is put without waiting, and the queue is full.
///
/// asyncio: `asyncio.QueueFull`.
public struct QueueFull: Error, CustomStringConvertible {
    /// Creates the error.
    public init() {}
    /// The message of the error.
    public var description: String { "the queue is full" }
}

/// An error thrown when a queue that was shut down is used.
///
/// asyncio: `asyncio.QueueShutDown`.
public struct QueueShutDown: Error, CustomStringConvertible {
    /// Creates the error.
    public init() {}
    /// The message of the error.
    public var description: String { "the queue was shut down" }
}
