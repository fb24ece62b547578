internal import AsyncIOSystem
internal import SystemPackage

extension TLSContext {
    // MARK: Whom to trust

    /// Trusts what the system trusts. A client's context does so already.
    ///
    /// asyncio: `SSLContext.load_default_certs`.
    public func trustSystem() throws { try change { engine throws(TLSFailure) in try engine.trustSystem() } }

    /// Trusts the certificates of a PEM file too. A server also tells its clients that it takes
    /// certificates of these issuers.
    ///
    /// A chain of certificates may end at any certificate that is trusted: a root, an
    /// intermediate, or the peer's own. To *pin* a server, make a context that trusts its
    /// certificate and nothing else:
    ///
    /// ```swift
    /// let tls = try TLSContext.client(systemTrust: false)
    /// try tls.trust(file: "server.pem")
    /// ```
    ///
    /// The name and the dates of a pinned certificate are still checked.
    ///
    /// - Throws: ``TLSError`` if the file cannot be read, or has no certificate.
    ///
    /// asyncio: `SSLContext.load_verify_locations(cafile=)`.
    public func trust(file path: some SystemStringConvertible) throws {
        let path = path.systemString
        let bytes = try readFile(path)
        try change { engine throws(TLSFailure) in try engine.trust(pem: bytes, from: path.description) }
    }

    /// Trusts the certificates of PEM text too.
    ///
    /// asyncio: `SSLContext.load_verify_locations(cadata=)`.
    public func trust(pem: String) throws {
        try change { engine throws(TLSFailure) in try engine.trust(pem: Array(pem.utf8), from: "the text to trust") }
    }

    /// Trusts the certificates of a folder too, as `openssl rehash` arranges it.
    ///
    /// asyncio: `SSLContext.load_verify_locations(capath=)`.
    public func trust(directory path: some SystemStringConvertible) throws {
        let path = try path.systemString.terminated("a path")
        try change { engine throws(TLSFailure) in try engine.trust(directory: path) }
    }

    /// Sets whether certificates must follow RFC 5280 to the letter, as they must at first. An
    /// authority's certificate then needs the *key usage* extension, for example, and all others
    /// the identifier of their issuer's key.
    ///
    /// Turn this off for an authority whose old certificates cannot be made anew. The chain, the
    /// dates and the name are checked all the same.
    ///
    /// asyncio: `ssl.VERIFY_X509_STRICT` in `SSLContext.verify_flags`.
    public func setStrictVerification(_ isStrict: Bool) {
        sessions.removeAll()
        engine.setStrict(isStrict)
    }

    // MARK: Whom to ask

    /// What a server asks of its clients.
    public enum ClientCertificates: Sendable {
        /// Nothing; so it is at first.
        case notAsked
        /// A certificate, if they have one; then it must be good.
        case optional
        /// A good certificate.
        case required
    }

    /// Sets whether a server asks its clients for certificates; it trusts those of issuers that
    /// ``trust(file:)`` was told.
    ///
    /// - Throws: ``ValueError`` on a client's context.
    ///
    /// asyncio: `SSLContext.verify_mode` of a server.
    public func askForCertificates(_ what: ClientCertificates) throws {
        guard isServer else { throw ValueError("clients do not ask for certificates: they always get the server's") }
        try change { engine throws(TLSFailure) in
            switch what {
            case .notAsked: engine.setVerification(.none)
            case .optional: engine.setVerification(.peer)
            case .required: engine.setVerification(.required)
            }
        }
    }

    /// Makes a client accept whatever certificate a server shows. Anybody on the way may then
    /// read and change everything: for experiments only. To trust one certificate of your own,
    /// use ``trust(file:)``.
    ///
    /// asyncio: `check_hostname = False`, `verify_mode = CERT_NONE`.
    public func dangerouslyDisableVerification() throws {
        guard !isServer else { throw ValueError("a server verifies nobody unless it asks for certificates") }
        try change { engine throws(TLSFailure) in engine.setVerification(.none) }
        checksHost = false
    }

    /// Makes a client accept a good certificate whoever it is for. Anybody who has one may then
    /// stand in for the server.
    ///
    /// asyncio: `check_hostname = False`.
    public func dangerouslyDisableHostCheck() throws {
        guard !isServer else { throw ValueError("a server checks no host") }
        sessions.removeAll()
        checksHost = false
    }
}

/// The whole of a file of certificates or keys.
func readFile(_ path: SystemString) throws -> [UInt8] {
    if path.description.contains("-----BEGIN ") {
        throw TLSError(
            .configuration, "this takes the path of a PEM file; for the text itself there is a pem parameter")
    }
    let name = try path.terminated("a path")
    do {
        let file = try unsafe FileDescriptor.open(name, .readOnly, options: .closeOnExec)
        // What was read is read, whatever the system says of the descriptor's end.
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
