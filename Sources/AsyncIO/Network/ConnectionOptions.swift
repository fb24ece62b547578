/// Connection settings that most connections do not need; see ``openConnection(host:port:tls:options:)``.
///
/// asyncio: the keyword arguments of `open_connection`, `create_connection`, and their Unix forms.
public struct ConnectionOptions: Sendable {
    /// The address family to try, or `nil` for both. For TCP only.
    public var family: Endpoint.Family?
    /// The local address to connect from, or `nil` to let the system choose one. For TCP only.
    ///
    /// asyncio: `local_addr`.
    public var localAddress: Endpoint?
    /// How long to wait for an address to answer before the next one is also tried, or `nil` to wait until the address
    /// has failed. RFC 8305 recommends 250 ms.
    public var happyEyeballsDelay: Duration?
    /// The number of addresses of the first family to try before the families alternate, or 0 to keep the resolver's
    /// order. `nil` means 1 with a ``happyEyeballsDelay`` and 0 without.
    public var interleave: Int?
    /// Whether to throw an ``ExceptionGroup`` with all errors if several addresses fail, instead of one ``OSError``
    /// that quotes them.
    public var allErrors: Bool
    /// The maximum length of a line, in bytes. For streams only.
    public var limit: Int
    /// The name for which the server's certificate must be valid, or `nil` for the host to which you connect. For TLS
    /// only.
    public var serverHostname: String?

    /// Creates options. The properties describe the parameters.
    public init(
        family: Endpoint.Family? = nil, localAddress: Endpoint? = nil, happyEyeballsDelay: Duration? = nil,
        interleave: Int? = nil, allErrors: Bool = false, limit: Int = StreamReader.defaultLimit,
        serverHostname: String? = nil
    ) {
        self.family = family
        self.localAddress = localAddress
        self.happyEyeballsDelay = happyEyeballsDelay
        self.interleave = interleave
        self.allErrors = allErrors
        self.limit = limit
        self.serverHostname = serverHostname
    }
}
