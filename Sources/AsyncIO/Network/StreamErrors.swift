/// The stream ended before what was asked for had come.
///
/// asyncio: `asyncio.IncompleteReadError`.
public struct IncompleteReadError: Error, CustomStringConvertible {
    /// What came.
    public let partial: [UInt8]
    /// How many bytes were asked for; nil if the end was a separator.
    public let expected: Int?

    public init(partial: [UInt8], expected: Int?) {
        self.partial = partial
        self.expected = expected
    }

    public var description: String {
        "\(partial.count) bytes read on a total of \(expected.map(String.init) ?? "undefined") expected bytes"
    }
}

/// The separator did not come within the stream's limit.
///
/// asyncio: `asyncio.LimitOverrunError`.
public struct LimitOverrunError: Error, CustomStringConvertible {
    public let message: String
    /// How many bytes of the stream may be skipped.
    public let consumed: Int

    public init(_ message: String, consumed: Int) {
        self.message = message
        self.consumed = consumed
    }

    public var description: String { message }
}

/// The system has no way to send this file to this socket from kernel to kernel.
///
/// asyncio: `asyncio.SendfileNotAvailableError`.
public struct SendfileNotAvailableError: Error, CustomStringConvertible {
    public let message: String

    public init(_ message: String) { self.message = message }

    public var description: String { message }
}

/// A name that has no address.
///
/// asyncio: `socket.gaierror`.
public struct ResolveError: Error, CustomStringConvertible {
    public let host: String
    /// The resolver's words.
    public let reason: String

    public var description: String { "cannot resolve \(host): \(reason)" }
}
