internal import AsyncIOSystem

/// The checked settings for starting TLS on a channel. They are checked before anything is opened.
struct TLSUpgrade {
    let context: TLSContext
    /// The name that a client requests and checks, or nil for no name.
    let host: String?

    /// Creates the settings for a client.
    ///
    /// - Throws: ``ValueError`` if the context is a server's, a timeout is not positive, or no name to check is given.
    init(client context: TLSContext, host: String?) throws(ValueError) {
        guard !context.isServer else {
            throw ValueError("a client connection needs TLSContext.client(), got a server's context")
        }
        if let host { try checkText(host, "a host name") }
        if let host, !host.utf8.allSatisfy({ $0 < 0x80 }) {
            throw ValueError("the host name must be ASCII, got \(host); use its punycode form (xn--…)")
        }
        // TLS names do not include the dot that ends a fully qualified name.
        let host = host.map { $0.hasSuffix(".") ? String($0.dropLast()) : $0 }
        guard host?.isEmpty == false || !context.checksHost else {
            throw ValueError("TLS needs a server name to check; pass serverHostname")
        }
        try self.init(context, host: host?.isEmpty == true ? nil : host)
    }

    /// Creates the settings for a server.
    init(server context: TLSContext) throws(ValueError) {
        guard context.isServer else {
            throw ValueError("a server needs TLSContext.server(certificate:key:), got a client's context")
        }
        try self.init(context, host: nil)
    }

    /// Creates the settings for the side that the context is for.
    init(_ context: TLSContext, serverHostname: String?) throws(ValueError) {
        if context.isServer {
            guard serverHostname == nil else { throw ValueError("serverHostname is only meaningful for a client") }
            try self.init(server: context)
        } else {
            try self.init(client: context, host: serverHostname)
        }
    }

    /// Returns the settings for a new connection to `host`, or nil for a connection without TLS.
    static func client(_ context: TLSContext?, host: String?, serverHostname: String?) throws(ValueError) -> TLSUpgrade?
    {
        guard let context else {
            guard serverHostname == nil else { throw ValueError("serverHostname is only meaningful with tls") }
            return nil
        }
        return try TLSUpgrade(client: context, host: serverHostname ?? host)
    }

    private init(_ context: TLSContext, host: String?) throws(ValueError) {
        guard context.handshakeTimeout > .zero else {
            throw ValueError("handshakeTimeout must be positive, got \(context.handshakeTimeout)")
        }
        guard context.shutdownTimeout > .zero else {
            throw ValueError("shutdownTimeout must be positive, got \(context.shutdownTimeout)")
        }
        self.context = context
        self.host = host
    }

    /// Puts a TLS channel over `channel`. If this throws, `channel` is closed.
    func begin(over channel: ByteChannel) throws -> TLSChannel {
        do {
            return try TLSChannel(over: channel, self)
        } catch {
            channel.abort()
            throw error
        }
    }

    /// Puts a TLS channel over `channel` and performs the handshake.
    ///
    /// - Parameter early: Bytes of the peer that have already been received.
    /// - Returns: The channel to use from now on.
    /// - Throws: ``TLSError``, ``OSError``, `CancellationError`. In these cases, `channel` is closed.
    func callAsFunction(_ channel: ByteChannel, early: [UInt8] = []) async throws -> TLSChannel {
        let tls = try begin(over: channel)
        try await tls.handshake(early: early)
        return tls
    }
}
