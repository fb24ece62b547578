internal import AsyncIOSystem

/// The validated settings for starting TLS on a channel. They are validated before any connection is opened.
struct TLSUpgrade {
    let context: TLSContext
    /// The server name that a client requests and checks, or nil if the client has no name for the server.
    let host: String?

    /// Creates the settings for a client.
    ///
    /// - Throws: ``ValueError`` if the context is for a server, a timeout is not positive, or the host name is missing
    ///   or not valid.
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

    /// Creates the settings for a client or a server, depending on the context.
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

    /// Creates a TLS channel over `channel`. If this method throws an error, `channel` is closed.
    func begin(over channel: ByteChannel) throws -> TLSChannel {
        do {
            return try TLSChannel(over: channel, self)
        } catch {
            channel.abort()
            throw error
        }
    }

    /// Creates a TLS channel over `channel`, and performs the handshake.
    ///
    /// - Parameter early: Bytes that have already been received from the peer.
    /// - Returns: The TLS channel, which replaces `channel`.
    /// - Throws: ``TLSError`` or ``OSError`` if the handshake fails; `CancellationError` if the task is cancelled. In
    ///   these cases, `channel` is closed.
    func callAsFunction(_ channel: ByteChannel, early: [UInt8] = []) async throws -> TLSChannel {
        let tls = try begin(over: channel)
        try await tls.handshake(early: early)
        return tls
    }
}
