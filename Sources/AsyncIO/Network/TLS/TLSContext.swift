internal import AsyncIOSystem

/// What TLS connections have in common: certificates, whom to trust, which versions.
///
/// A client's context trusts what the system trusts, and checks that the server's certificate
/// is good and for the host that is asked for. Both kinds speak TLS 1.2 or later.
///
/// ```swift
/// let (reader, writer) = try await openConnection(host: "example.com", port: 443, tls: .client())
///
/// let tls = try TLSContext.server(certificate: "cert.pem", key: "key.pem")
/// let server = try await startServer(host: nil, port: 8443, tls: tls) { reader, writer in … }
/// ```
///
/// A change is for the connections that are made after it. The engine is OpenSSL 3, which is
/// loaded when the first context is made.
///
/// asyncio: `ssl.SSLContext`.
public final class TLSContext {
    // Not Sendable: used where it was made, and by connections of that loop.
    let engine: TLSEngineContext
    /// Which context serves the name that a client asks for.
    var chooser: ((String?) throws -> TLSContext?)?
    var sessions = TLSSessionCache()
    /// Whether a client checks that the certificate is for the host.
    var checksHost = true

    /// How long a handshake may take before the connection is given up.
    ///
    /// asyncio: `ssl_handshake_timeout`.
    public var handshakeTimeout: Duration = .seconds(60)

    /// How long a closing connection waits for the peer to agree.
    ///
    /// asyncio: `ssl_shutdown_timeout`.
    public var shutdownTimeout: Duration = .seconds(30)

    /// Whether a connection that ends without TLS's own end counts as ended, and not as cut off.
    /// Only for protocols that know their own end, as HTTP does with a content length.
    ///
    /// asyncio: `suppress_ragged_eofs`.
    public var toleratesTruncation = false

    private init(isServer: Bool) throws {
        engine = try tlsErrors { () throws(TLSFailure) in try TLSEngineContext(isServer: isServer) }
    }

    /// Whether it is for the server's side.
    public var isServer: Bool { engine.isServer }

    // MARK: Making one

    /// A context for clients.
    ///
    /// - Parameter systemTrust: whether it trusts what the system trusts; without, only what
    ///   ``trust(file:)`` and its like are told.
    /// - Throws: ``TLSError``, if OpenSSL 3 is missing.
    ///
    /// asyncio: `ssl.create_default_context()`.
    public static func client(systemTrust: Bool = true) throws -> TLSContext {
        let context = try TLSContext(isServer: false)
        if systemTrust { try context.trustSystem() }
        return context
    }

    /// A context for servers.
    ///
    /// - Parameters:
    ///   - certificate: the path of a PEM file: the server's certificate, and those that lead
    ///     from it to one that clients trust.
    ///   - key: the path of its private key; nil if that is in the same file.
    ///   - password: the key's, if it has one.
    /// - Throws: ``TLSError`` if OpenSSL 3 is missing or the files are no good, with what is wrong.
    ///
    /// asyncio: `ssl.create_default_context(Purpose.CLIENT_AUTH)`, `load_cert_chain`.
    public static func server(
        certificate: some SystemStringConvertible, key: (any SystemStringConvertible)? = nil, password: String? = nil
    ) throws -> TLSContext {
        let context = try TLSContext(isServer: true)
        try context.useCertificate(certificate, key: key, password: password)
        return context
    }

    /// A context for servers; the certificate and its key are PEM text.
    ///
    /// - Throws: ``TLSError`` if OpenSSL 3 is missing or the texts are no good.
    public static func server(
        certificatePEM: String, keyPEM: String, password: String? = nil
    ) throws -> TLSContext {
        let context = try TLSContext(isServer: true)
        try context.useCertificate(pem: certificatePEM, keyPEM: keyPEM, password: password)
        return context
    }

    // MARK: The own certificate

    /// Sets the certificate that this side shows; a client does so if its server asks.
    ///
    /// - Parameters: as in ``server(certificate:key:password:)``.
    ///
    /// asyncio: `SSLContext.load_cert_chain`.
    public func useCertificate(
        _ path: some SystemStringConvertible, key: (any SystemStringConvertible)? = nil, password: String? = nil
    ) throws {
        if let password { try checkText(password, "a password") }
        let (path, key) = (path.systemString, key?.systemString)
        let certificate = try readFile(path)
        let keyBytes = try key.map(readFile) ?? certificate
        try change { engine throws(TLSFailure) in
            try engine.useChain(pem: certificate, from: path.description)
            try engine.useKey(pem: keyBytes, password: password, from: (key ?? path).description)
        }
    }

    /// Sets the certificate that this side shows, from PEM text.
    public func useCertificate(pem: String, keyPEM: String, password: String? = nil) throws {
        if let password { try checkText(password, "a password") }
        try change { engine throws(TLSFailure) in
            try engine.useChain(pem: Array(pem.utf8), from: "the certificate")
            try engine.useKey(pem: Array(keyPEM.utf8), password: password, from: "the key")
        }
    }

    // MARK: The protocol

    /// Which versions are spoken.
    ///
    /// - Parameter maximum: nil for the newest that there is.
    ///
    /// asyncio: `SSLContext.minimum_version`, `maximum_version`.
    public func setVersions(minimum: TLSVersion = .v1_2, maximum: TLSVersion? = nil) throws {
        if let maximum, maximum < minimum {
            throw ValueError("the minimum version, \(minimum), is after the maximum, \(maximum)")
        }
        try change { engine throws(TLSFailure) in
            try engine.setVersions(minimum: minimum.number, maximum: maximum?.number)
        }
    }

    /// Which protocols this side speaks over TLS, the best first: `["h2", "http/1.1"]`. What was
    /// agreed on is in ``TLSInfo/applicationProtocol``; a peer with none of them is served all
    /// the same.
    ///
    /// - Throws: ``ValueError`` for a name that is empty or longer than 255 bytes.
    ///
    /// asyncio: `SSLContext.set_alpn_protocols`.
    public func setALPN(_ protocols: [String]) throws {
        for name in protocols where !(1...255).contains(name.utf8.count) {
            throw ValueError("a protocol's name has 1 to 255 bytes, not \(name.utf8.count)")
        }
        try change { engine throws(TLSFailure) in try engine.setALPN(protocols) }
    }

    /// Which ciphers are offered up to TLS 1.2, in OpenSSL's notation.
    ///
    /// asyncio: `SSLContext.set_ciphers`.
    public func setCiphers(_ list: String) throws {
        try checkText(list, "a list of ciphers")
        try change { engine throws(TLSFailure) in try engine.setCiphers(list) }
    }

    /// Which cipher suites are offered in TLS 1.3, in OpenSSL's notation.
    ///
    /// asyncio: `SSLContext.set_ciphersuites`.
    public func setCipherSuites(_ list: String) throws {
        try checkText(list, "a list of cipher suites")
        try change { engine throws(TLSFailure) in try engine.setCipherSuites(list) }
    }

    /// Lets a server choose another context, with another certificate, by the name that a client
    /// asks for (SNI).
    ///
    /// - Parameter choose: gets the name, or nil if the client gave none; returns the context to
    ///   go on with, or nil for this one. If it throws, the client is refused. Of the other context
    ///   the certificate, ALPN, and what is asked of clients count.
    ///
    /// asyncio: `SSLContext.sni_callback`.
    public func chooseByServerName(_ choose: ((_ name: String?) throws -> TLSContext?)?) { chooser = choose }

    // MARK: Inside

    /// Changes what connections share; sessions from before are not resumed.
    func change(_ body: (TLSEngineContext) throws(TLSFailure) -> Void) throws {
        sessions.removeAll()
        try tlsErrors { () throws(TLSFailure) in try body(engine) }
    }
}

/// Versions of TLS.
///
/// asyncio: `ssl.TLSVersion`.
public enum TLSVersion: Sendable, Comparable {
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case v1_0, v1_1, v1_2, v1_3

    /// As on the wire.
    var number: Int32 {
        switch self {
        case .v1_0: 0x0301
        case .v1_1: 0x0302
        case .v1_2: 0x0303
        case .v1_3: 0x0304
        }
    }
}

/// Gives the engine's errors their public name.
func tlsErrors<T>(_ body: () throws(TLSFailure) -> T) throws(TLSError) -> T {
    do { return try body() } catch { throw TLSError(error, nil) }
}
