/// An error thrown when a task tries to take an item without waiting, but the queue is empty.
///
/// asyncio: `asyncio.QueueEmpty`.
public struct QueueEmpty: Error, CustomStringConvertible {
    /// Creates an error.
    public init() {}
    /// The message of the error.
    public var description: String { "the queue is empty" }
}

/// An error thrown when a task tries to put an item without waiting, but the queue is full.
///
/// asyncio: `asyncio.QueueFull`.
public struct QueueFull: Error, CustomStringConvertible {
    /// Creates an error.
    public init() {}
    /// The message of the error.
    public var description: String { "the queue is full" }
}

/// An error thrown when a task uses a queue that was shut down.
///
/// asyncio: `asyncio.QueueShutDown`.
public struct QueueShutDown: Error, CustomStringConvertible {
    /// Creates an error.
    public init() {}
    /// The message of the error.
    public var description: String { "the queue was shut down" }
}
