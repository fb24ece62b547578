/// Limits on the data that a server can send. If a reply exceeds a limit, the client closes the connection with a
/// ``RedisProtocolError``.
public struct RedisLimits: Sendable, Hashable {
    /// The maximum size of a string, in bytes. The default is 512 MiB, as on the server.
    public var stringSize: Int
    /// The maximum length of a line (a number, an error, or a simple string), in bytes.
    public var lineLength: Int
    /// The maximum total number of values in a reply, including the values in nested arrays.
    public var elementCount: Int
    /// The maximum depth of nested arrays.
    public var depth: Int

    /// Creates limits.
    public init(
        stringSize: Int = 512 << 20, lineLength: Int = 1 << 20, elementCount: Int = 1 << 26, depth: Int = 128
    ) {
        self.stringSize = stringSize
        self.lineLength = lineLength
        self.elementCount = elementCount
        self.depth = depth
    }
}
