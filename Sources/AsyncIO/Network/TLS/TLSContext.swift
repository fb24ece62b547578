internal import AsyncIOSystem

/// The settings that TLS connections share: certificates, trust, and protocol versions.
///
/// By default, a client's context trusts the certificates that the system trusts. It checks that the server's
/// certificate is valid and was issued for the requested host. Both client and server contexts use TLS 1.2 or later by
/// default.
///
/// ```swift
/// let (reader, writer) = try await openConnection(host: "example.com", port: 443, tls: .client())
///
/// let tls = try TLSContext.server(certificate: "cert.pem", key: "key.pem")
/// let server = try await startServer(host: .anyInterface, port: 8443, tls: tls) { reader, writer in … }
/// ```
///
/// Changes to a context apply only to connections that are created afterwards. TLS is implemented with OpenSSL 3, which
/// is loaded when the first context is created.
///
/// asyncio: `ssl.SSLContext`.
public final class TLSContext {
    // The engine is not Sendable. A context is used on the loop on which it was created, and by that loop's
    // connections.
    let engine: TLSEngineContext
    /// A callback that lets a server select another context, and therefore another certificate, for the name that a
    /// client requests (SNI).
    ///
    /// The callback receives the name, or `nil` if the client did not send a name. The callback returns the context to
    /// use, or `nil` to use this context. If the callback throws an error, the client is rejected. Only the
    /// certificate, the ALPN protocols, and the client certificate settings of the returned context are used.
    ///
    /// asyncio: `SSLContext.sni_callback`.
    public var sniCallback: ((_ name: String?) throws -> TLSContext?)?
    var sessions = TLSSessionCache()
    /// Whether a client checks that the certificate is valid for the host.
    var checksHost = true

    /// The maximum duration of a handshake. If a handshake takes longer, the connection is aborted. The default is 60
    /// seconds.
    ///
    /// asyncio: `ssl_handshake_timeout`.
    public var handshakeTimeout: Duration = .seconds(60)

    /// The maximum time that a closing connection waits for the peer's close_notify. The default is 30 seconds.
    ///
    /// asyncio: `ssl_shutdown_timeout`.
    public var shutdownTimeout: Duration = .seconds(30)

    /// Whether a connection that ends without a close_notify is treated as closed normally, not as truncated. Set this
    /// property to `true` only for protocols that mark the end of their data, such as HTTP with a content length.
    ///
    /// asyncio: `suppress_ragged_eofs`.
    public var toleratesTruncation = false

    init(isServer: Bool) throws {
        engine = try tlsErrors { () throws(TLSFailure) in try TLSEngineContext(isServer: isServer) }
    }

    /// Whether the context is for a server.
    public var isServer: Bool { engine.isServer }

    // MARK: Creating contexts

    /// Creates a context for clients.
    ///
    /// - Parameter systemTrust: Whether to trust the certificates that the system trusts. If the parameter is `false`,
    ///   the context trusts only the certificates that you add with ``trust(file:)`` and similar methods.
    /// - Throws: ``TLSError`` if OpenSSL 3 cannot be loaded.
    ///
    /// asyncio: `ssl.create_default_context()`.
    public static func client(systemTrust: Bool = true) throws -> TLSContext {
        let context = try TLSContext(isServer: false)
        if systemTrust { try context.trustSystem() }
        return context
    }

    /// Creates a context for servers. The files are read synchronously.
    ///
    /// - Parameters:
    ///   - certificate: The path of a PEM file that contains the server's certificate, followed by the chain of
    ///     certificates that leads to a certificate that clients trust.
    ///   - key: The path of the private key, or `nil` if the key is in the same file.
    ///   - password: The password of the key, or `nil` if the key is not encrypted.
    /// - Throws: ``TLSError``, whose message describes the problem, if OpenSSL 3 cannot be loaded or the files are not
    ///   valid; ``ValueError`` if the password contains a zero byte.
    ///
    /// asyncio: `ssl.create_default_context(Purpose.CLIENT_AUTH)`, `load_cert_chain`.
    public static func server(
        certificate: some SystemStringConvertible, key: (any SystemStringConvertible)? = nil, password: String? = nil
    ) throws -> TLSContext {
        let context = try TLSContext(isServer: true)
        try context.useCertificate(certificate, key: key, password: password)
        return context
    }

    /// Creates a context for servers from a certificate and a key in PEM text.
    ///
    /// - Throws: ``TLSError`` if OpenSSL 3 cannot be loaded, or if the certificate or the key is not valid;
    ///   ``ValueError`` if the password contains a zero byte.
    ///
    /// asyncio: none; `load_cert_chain` accepts files only.
    public static func server(
        certificatePEM: String, keyPEM: String, password: String? = nil
    ) throws -> TLSContext {
        let context = try TLSContext(isServer: true)
        try context.useCertificate(pem: certificatePEM, keyPEM: keyPEM, password: password)
        return context
    }

    // MARK: This side's certificate

    /// Sets the certificate that this side presents. A client presents the certificate only if the server asks for one.
    /// The files are read synchronously.
    ///
    /// - Parameters:
    ///   - path: The path of a PEM file that contains the certificate, followed by the chain of certificates that leads
    ///     to a trusted certificate.
    ///   - key: The path of the private key, or `nil` if the key is in the same file.
    ///   - password: The password of the key, or `nil` if the key is not encrypted.
    /// - Throws: ``TLSError`` if the files cannot be read or are not valid; ``ValueError`` if the password
    ///   contains a zero byte.
    ///
    /// asyncio: `SSLContext.load_cert_chain`.
    public func useCertificate(
        _ path: some SystemStringConvertible, key: (any SystemStringConvertible)? = nil, password: String? = nil
    ) throws {
        if let password { try checkText(password, "a password", isSecret: true) }
        let (path, key) = (path.systemString, key?.systemString)
        let certificate = try readFile(path)
        let keyBytes = try key.map(readFile) ?? certificate
        try change { engine throws(TLSFailure) in
            try engine.useChain(pem: certificate, from: path.description)
            try engine.useKey(pem: keyBytes, password: password, from: (key ?? path).description)
        }
    }

    /// Sets the certificate that this side presents, from PEM text.
    ///
    /// - Throws: ``TLSError`` if the certificate or the key is not valid; ``ValueError`` if the password contains a
    ///   zero byte.
    ///
    /// asyncio: none; `load_cert_chain` accepts files only.
    public func useCertificate(pem: String, keyPEM: String, password: String? = nil) throws {
        if let password { try checkText(password, "a password", isSecret: true) }
        try change { engine throws(TLSFailure) in
            try engine.useChain(pem: Array(pem.utf8), from: "the certificate")
            try engine.useKey(pem: Array(keyPEM.utf8), password: password, from: "the key")
        }
    }

    // MARK: The protocol

    /// Sets the versions of TLS that are accepted.
    ///
    /// - Parameters:
    ///   - minimum: The oldest version.
    ///   - maximum: The newest version, or `nil` for the newest version that OpenSSL supports.
    /// - Throws: ``ValueError`` if the minimum is newer than the maximum; ``TLSError`` if OpenSSL rejects the versions.
    ///
    /// asyncio: `SSLContext.minimum_version`, `maximum_version`.
    public func setVersions(minimum: Version = .v1_2, maximum: Version? = nil) throws {
        if let maximum, maximum < minimum {
            throw ValueError("minimum must not be newer than maximum, got \(minimum) and \(maximum)")
        }
        try change { engine throws(TLSFailure) in
            try engine.setVersions(minimum: minimum.number, maximum: maximum?.number)
        }
    }

    /// Sets the application protocols that this side offers (ALPN), in order of preference, such as
    /// `["h2", "http/1.1"]`. The negotiated protocol is available in ``TLSInfo/applicationProtocol``. A peer that
    /// supports none of the protocols is still accepted.
    ///
    /// - Throws: ``ValueError`` if a name is empty or longer than 255 bytes; ``TLSError`` if OpenSSL rejects the list.
    ///
    /// asyncio: `SSLContext.set_alpn_protocols`.
    public func setALPN(_ protocols: [String]) throws {
        for name in protocols where !(1...255).contains(name.utf8.count) {
            throw ValueError("a protocol name must have 1 to 255 bytes, got \(name.utf8.count)")
        }
        try change { engine throws(TLSFailure) in try engine.setALPN(protocols) }
    }

    /// Sets the ciphers to allow in TLS 1.2 and earlier, in OpenSSL's notation.
    ///
    /// - Throws: ``TLSError`` if OpenSSL accepts none of the ciphers; ``ValueError`` if the list contains a zero byte.
    ///
    /// asyncio: `SSLContext.set_ciphers`.
    public func setCiphers(_ list: String) throws {
        try checkText(list, "a list of ciphers")
        try change { engine throws(TLSFailure) in try engine.setCiphers(list) }
    }

    /// Sets the cipher suites to allow in TLS 1.3, in OpenSSL's notation.
    ///
    /// - Throws: ``TLSError`` if OpenSSL does not accept the list; ``ValueError`` if the list contains a zero
    ///   byte.
    ///
    /// asyncio: `SSLContext.set_ciphersuites`.
    public func setCipherSuites(_ list: String) throws {
        try checkText(list, "a list of cipher suites")
        try change { engine throws(TLSFailure) in try engine.setCipherSuites(list) }
    }

    // MARK: Inside

    /// Changes the settings that connections share. Sessions that were saved before the change are no longer resumed.
    func change(_ body: (TLSEngineContext) throws(TLSFailure) -> Void) throws {
        sessions.removeAll()
        try tlsErrors { () throws(TLSFailure) in try body(engine) }
    }
}

extension TLSContext {
    /// A version of TLS.
    ///
    /// asyncio: `ssl.TLSVersion`.
    public struct Version: Hashable, Comparable, Sendable, CustomStringConvertible {
        /// The version number that TLS messages contain.
        let number: Int32

        private init(number: Int32) { self.number = number }

        /// Creates a version from the name that OpenSSL uses, such as `TLSv1` or `TLSv1.1`.
        init(name: String) { number = 0x0301 + (Int32(name.dropFirst("TLSv1.".count)) ?? 0) }

        // swift-format-ignore: AlwaysUseLowerCamelCase
        /// TLS 1.0.
        public static let v1_0 = Version(number: 0x0301)
        // swift-format-ignore: AlwaysUseLowerCamelCase
        /// TLS 1.1.
        public static let v1_1 = Version(number: 0x0302)
        // swift-format-ignore: AlwaysUseLowerCamelCase
        /// TLS 1.2.
        public static let v1_2 = Version(number: 0x0303)
        // swift-format-ignore: AlwaysUseLowerCamelCase
        /// TLS 1.3.
        public static let v1_3 = Version(number: 0x0304)

        /// Whether `lhs` is older than `rhs`.
        public static func < (lhs: Version, rhs: Version) -> Bool { lhs.number < rhs.number }

        /// The version as OpenSSL and Python write it, such as `TLSv1.3`.
        public var description: String { number == 0x0301 ? "TLSv1" : "TLSv1.\(number - 0x0301)" }
    }
}

/// Converts the engine's errors to the public error type.
func tlsErrors<T>(_ body: () throws(TLSFailure) -> T) throws(TLSError) -> T {
    do { return try body() } catch { throw TLSError(error, nil) }
}
