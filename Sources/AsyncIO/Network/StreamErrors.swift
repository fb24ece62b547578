/// An error thrown when a stream ends before a read could be completed.
///
/// asyncio: `asyncio.IncompleteReadError`.
public struct IncompleteReadError: Error, CustomStringConvertible {
    /// The bytes that were read before the stream ended.
    ///
    /// asyncio: `IncompleteReadError.partial`.
    public let partial: [UInt8]
    /// The number of bytes that were requested, or `nil` if the read was waiting for a separator.
    ///
    /// asyncio: `IncompleteReadError.expected`.
    public let expected: Int?

    /// Creates an error with the bytes that were read.
    public init(partial: [UInt8], expected: Int?) {
        self.partial = partial
        self.expected = expected
    }

    /// The error as text.
    public var description: String {
        "\(partial.count) bytes read on a total of \(expected.map(String.init) ?? "undefined") expected bytes"
    }
}

/// An error thrown when a separator is not found within the stream's limit.
///
/// asyncio: `asyncio.LimitOverrunError`.
public struct LimitOverrunError: Error, CustomStringConvertible {
    /// A description of the failure.
    public let message: String
    /// The number of bytes to drop in order to skip the part that was too long.
    ///
    /// asyncio: `LimitOverrunError.consumed`.
    public let consumed: Int

    /// Creates an error with a message and the number of bytes that can be skipped.
    public init(_ message: String, consumed: Int) {
        self.message = message
        self.consumed = consumed
    }

    /// The error as text.
    public var description: String { message }
}

/// An error thrown when the system cannot send a file to a socket within the kernel.
///
/// asyncio: `asyncio.SendfileNotAvailableError`.
public struct SendfileNotAvailableError: Error, CustomStringConvertible {
    /// A description of the failure.
    public let message: String

    /// Creates an error with a message.
    public init(_ message: String) { self.message = message }

    /// The error as text.
    public var description: String { message }
}

/// An error thrown when a name cannot be resolved.
///
/// asyncio: `socket.gaierror`.
public struct ResolveError: Error, CustomStringConvertible {
    /// The host name or address that was looked up.
    public let host: String
    /// The resolver's explanation.
    public let reason: String

    package init(host: String, reason: String) { (self.host, self.reason) = (host, reason) }

    /// The error as text.
    public var description: String { "cannot resolve \(host): \(reason)" }
}
