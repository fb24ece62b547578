/// Faults in a pair of streams in memory; see ``memoryStreamPair(faults:limit:)``.
public struct StreamFaults: Sendable {
    /// The maximum number of bytes that arrive at once, or `nil` for no limit. If this is 1, each byte arrives in its
    /// own turn of the loop.
    public var pieceSize: Int?
    /// The time that bytes take to arrive. The default is zero.
    public var latency = Duration.zero
    /// The number of bytes in one direction after which the connection breaks, or `nil` if the connection never breaks.
    /// Both ends can still read the bytes that arrived earlier, and then fail with `.connectionReset`.
    public var resetAfter: Int?
    /// The number of unread bytes that a writer can send before further bytes are buffered on its own side. The default
    /// is 65,536.
    public var window = 65_536

    /// Creates faults.
    ///
    /// - Precondition: `pieceSize` and `window` are positive, and the other values are not negative.
    public init(
        pieceSize: Int? = nil, latency: Duration = .zero, resetAfter: Int? = nil, window: Int = 65_536
    ) {
        precondition(pieceSize ?? 1 > 0, "pieceSize must be positive, got \(pieceSize ?? 0)")
        precondition(latency >= .zero, "latency must not be negative, got \(latency)")
        precondition(resetAfter ?? 0 >= 0, "resetAfter must not be negative, got \(resetAfter ?? 0)")
        precondition(window > 0, "window must be positive, got \(window)")
        (self.pieceSize, self.latency, self.resetAfter, self.window) = (pieceSize, latency, resetAfter, window)
    }
}
