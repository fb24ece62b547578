internal import AsyncIOSystem
internal import SystemPackage

extension TLSContext {
    // MARK: Trust

    /// Trusts the certificates that the system trusts. A client's context does this by default.
    ///
    /// - Throws: ``TLSError`` if OpenSSL cannot load the certificates.
    ///
    /// asyncio: `SSLContext.load_default_certs`.
    public func trustSystem() throws { try change { engine throws(TLSFailure) in try engine.trustSystem() } }

    /// Adds the certificates in a PEM file to the trusted certificates. A server also announces to its clients that it
    /// accepts certificates from these issuers. The file is read synchronously.
    ///
    /// A chain of certificates can end at any trusted certificate, which can be a root, an intermediate, or the peer's
    /// own certificate. To *pin* a server, create a context that trusts only the server's certificate:
    ///
    /// ```swift
    /// let tls = try TLSContext.client(systemTrust: false)
    /// try tls.trust(file: "server.pem")
    /// ```
    ///
    /// The name and the dates of a pinned certificate are still checked.
    ///
    /// - Throws: ``TLSError`` if the file cannot be read or contains no certificate.
    ///
    /// asyncio: `SSLContext.load_verify_locations(cafile=)`.
    public func trust(file path: some SystemStringConvertible) throws {
        let path = path.systemString
        let bytes = try readFile(path)
        try change { engine throws(TLSFailure) in try engine.trust(pem: bytes, from: path.description) }
    }

    /// Adds the certificates in PEM text to the trusted certificates.
    ///
    /// - Throws: ``TLSError`` if the text contains no certificate.
    ///
    /// asyncio: `SSLContext.load_verify_locations(cadata=)`.
    public func trust(pem: String) throws {
        try change { engine throws(TLSFailure) in try engine.trust(pem: Array(pem.utf8), from: "the text to trust") }
    }

    /// Adds the certificates in a directory to the trusted certificates. Prepare the directory with `openssl rehash`.
    ///
    /// - Throws: ``TLSError`` if OpenSSL does not accept the directory; ``ValueError`` if the path contains a zero
    ///   byte.
    ///
    /// asyncio: `SSLContext.load_verify_locations(capath=)`.
    public func trust(directory path: some SystemStringConvertible) throws {
        let path = try path.systemString.terminated("a path")
        try change { engine throws(TLSFailure) in try engine.trust(directory: path) }
    }

    /// Sets whether certificates must follow RFC 5280 strictly. Strict verification is on by default. It requires, for
    /// example, a *key usage* extension in the certificate of an authority, and the key identifier of the issuer in all
    /// other certificates.
    ///
    /// Turn off strict verification only for an authority whose old certificates cannot be reissued. Even without
    /// strict verification, the chain, the dates, and the name are checked.
    ///
    /// asyncio: `ssl.VERIFY_X509_STRICT` in `SSLContext.verify_flags`.
    public func setStrictVerification(_ isStrict: Bool) {
        sessions.removeAll()
        engine.setStrict(isStrict)
    }

    // MARK: Client certificates

    /// A server's policy for client certificates.
    ///
    /// asyncio: `ssl.VerifyMode`.
    public struct ClientCertificates: Sendable, Hashable {
        let verification: TLSEngineContext.Verification

        /// The server does not ask for certificates. This is the default.
        public static let notAsked = ClientCertificates(verification: .none)
        /// The server asks for certificates. A client without a certificate is accepted, but a certificate that a
        /// client presents must be valid.
        public static let optional = ClientCertificates(verification: .peer)
        /// The server asks for certificates, and rejects clients without a valid certificate.
        public static let required = ClientCertificates(verification: .required)
    }

    /// Sets whether a server asks its clients for certificates. The server accepts certificates from the issuers that
    /// you add with ``trust(file:)``.
    ///
    /// - Throws: ``ValueError`` if the context is for a client.
    ///
    /// asyncio: `SSLContext.verify_mode` of a server.
    public func askForCertificates(_ what: ClientCertificates) throws {
        guard isServer else {
            throw ValueError("only a server can ask for certificates; a client always receives the server's")
        }
        try change { engine throws(TLSFailure) in engine.setVerification(what.verification) }
    }

    /// Makes a client accept any certificate. An attacker between the two sides can then read and change all data, so
    /// use this method only for experiments. To trust your own certificate, use ``trust(file:)``.
    ///
    /// - Throws: ``ValueError`` if the context is for a server.
    ///
    /// asyncio: `check_hostname = False`, `verify_mode = CERT_NONE`.
    public func dangerouslyDisableVerification() throws {
        guard !isServer else {
            throw ValueError(
                "only a client's verification can be disabled; a server verifies no certificates unless it requests them"
            )
        }
        try change { engine throws(TLSFailure) in engine.setVerification(.none) }
        checksHost = false
    }

    /// Makes a client accept any valid certificate, even if it was issued for another host. The owner of any valid
    /// certificate can then impersonate the server.
    ///
    /// - Throws: ``ValueError`` if the context is for a server.
    ///
    /// asyncio: `check_hostname = False`.
    public func dangerouslyDisableHostCheck() throws {
        guard !isServer else { throw ValueError("a server's context does not check host names") }
        sessions.removeAll()
        checksHost = false
    }
}

/// Returns the contents of a file that contains certificates or keys.
func readFile(_ path: SystemString) throws -> [UInt8] {
    if path.description.contains("-----BEGIN ") {
        throw TLSError(
            .configuration, "expected the path of a PEM file, got PEM text; pass text as the pem parameter")
    }
    let name = try path.terminated("a path")
    do {
        let file = try unsafe FileDescriptor.open(name, .readOnly, options: .closeOnExec)
        // The bytes that were read stay valid, even if closing the descriptor fails.
        defer { try? file.close() }
        var bytes: [UInt8] = []
        while true {
            let part = try unsafe [UInt8](unsafeUninitializedCapacity: 16_384) { buffer, count in
                count = unsafe try file.read(into: UnsafeMutableRawBufferPointer(buffer))
            }
            if part.isEmpty { return bytes }
            bytes += part
        }
    } catch let error as Errno {
        throw TLSError(.configuration, "\(path) cannot be read: \(error)")
    }
}
