internal import AsyncIOSystem

/// How a channel is to be given TLS: what was asked for, checked before anything is opened.
struct TLSUpgrade {
    let context: TLSContext
    /// The name that a client asks for and checks; nil for none.
    let host: String?

    /// A client's side.
    ///
    /// - Throws: ``ValueError`` if the context is a server's, a time-out is not positive, or
    ///   there is no name to check.
    init(client context: TLSContext, host: String?) throws(ValueError) {
        guard !context.isServer else {
            throw ValueError("a connection needs TLSContext.client(), not a server's context")
        }
        if let host { try checkText(host, "a host's name") }
        if let host, !host.utf8.allSatisfy({ $0 < 0x80 }) {
            throw ValueError("the host name \(host) is not ASCII; write its punycode form (xn--…)")
        }
        // The dot that ends a full name is no part of it in TLS.
        let host = host.map { $0.hasSuffix(".") ? String($0.dropLast()) : $0 }
        guard host?.isEmpty == false || !context.checksHost else {
            throw ValueError("TLS checks the server's name: give it as serverHostname")
        }
        try self.init(context, host: host?.isEmpty == true ? nil : host)
    }

    /// A server's side.
    init(server context: TLSContext) throws(ValueError) {
        guard context.isServer else {
            throw ValueError("a server needs TLSContext.server(certificate:key:), not a client's context")
        }
        try self.init(context, host: nil)
    }

    /// The side that the context is for.
    init(_ context: TLSContext, serverHostname: String?) throws(ValueError) {
        if context.isServer {
            guard serverHostname == nil else { throw ValueError("serverHostname is for a client's side") }
            try self.init(server: context)
        } else {
            try self.init(client: context, host: serverHostname)
        }
    }

    /// For a new connection to `host`; nil if it is to have no TLS.
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
            throw ValueError("handshakeTimeout must be positive, not \(context.handshakeTimeout)")
        }
        guard context.shutdownTimeout > .zero else {
            throw ValueError("shutdownTimeout must be positive, not \(context.shutdownTimeout)")
        }
        self.context = context
        self.host = host
    }

    /// Puts TLS over `channel`, which is closed if this throws.
    func begin(over channel: ByteChannel) throws -> TLSChannel {
        do {
            return try TLSChannel(over: channel, self)
        } catch {
            channel.abort()
            throw error
        }
    }

    /// Puts TLS over `channel` and runs the handshake.
    ///
    /// - Parameter early: bytes of the peer's that were received already.
    /// - Returns: the channel to use from now on.
    /// - Throws: ``TLSError``, ``OSError``, `CancellationError`; `channel` is closed then.
    nonisolated(nonsending) func callAsFunction(_ channel: ByteChannel, early: [UInt8] = []) async throws -> TLSChannel
    {
        let tls = try begin(over: channel)
        try await tls.handshake(early: early)
        return tls
    }
}
