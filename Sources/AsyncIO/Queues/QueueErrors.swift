/// The queue is empty.
///
/// asyncio: `asyncio.QueueEmpty`.
public struct QueueEmpty: Error, CustomStringConvertible {
    public init() {}
    public var description: String { "the queue is empty" }
}

/// The queue is full.
///
/// asyncio: `asyncio.QueueFull`.
public struct QueueFull: Error, CustomStringConvertible {
    public init() {}
    public var description: String { "the queue is full" }
}

/// The queue was shut down.
///
/// asyncio: `asyncio.QueueShutDown`.
public struct QueueShutDown: Error, CustomStringConvertible {
    public init() {}
    public var description: String { "the queue was shut down" }
}
