/// Connection settings that most connections do not need; see ``openConnection(host:port:tls:options:)``.
///
/// asyncio: the keyword arguments of `open_connection`, `create_connection`, and their Unix forms.
public struct ConnectionOptions: Sendable {
    /// The address family to try, or `nil` for both families. This option is for TCP only.
    public var family: Endpoint.Family?
    /// The local address to connect from, or `nil` to let the system choose an address. This option is for TCP only.
    ///
    /// asyncio: `local_addr`.
    public var localAddress: Endpoint?
    /// How long to wait for an address to answer before the next address is also tried, or `nil` to try the next
    /// address only after the current address has failed. RFC 8305 recommends 250 ms.
    public var happyEyeballsDelay: Duration?
    /// The number of addresses of the first family to try before the families alternate, or 0 to keep the resolver's
    /// order. `nil` means 1 if ``happyEyeballsDelay`` is set, and 0 otherwise.
    public var interleave: Int?
    /// Whether to throw an ``ExceptionGroup`` with all errors if several addresses fail, instead of a single
    /// ``OSError`` whose message lists the errors.
    public var allErrors: Bool
    /// The maximum length of a line, in bytes. This option is for streams only.
    public var limit: Int
    /// The name for which the server's certificate must be valid, or `nil` for the host to which you connect. This
    /// option is for TLS only.
    public var serverHostname: String?

    /// Creates options. For the parameters, see the properties with the same names.
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
