extension TLSContext {
    /// The settings of a context. You can create and copy this value on any thread.
    ///
    /// ```swift
    /// var configuration = TLSContext.Configuration.server(certificate: "cert.pem", key: "key.pem")
    /// configuration.applicationProtocols = ["h2", "http/1.1"]
    /// let tls = try TLSContext(configuration)
    /// ```
    ///
    /// asyncio: none; the settings are attributes of `ssl.SSLContext`.
    public struct Configuration: Sendable {
        /// A certificate and its private key.
        public struct Identity: Sendable {
            enum Source: Sendable {
                case files(certificate: SystemString, key: SystemString?)
                case text(certificate: String, key: String)
            }
            let source: Source
            let password: String?

            /// Returns an identity whose certificate is in a PEM file. In the file, the certificate is followed by the
            /// chain of certificates that leads to a trusted certificate.
            ///
            /// - Parameters:
            ///   - certificate: The path of the PEM file.
            ///   - key: The path of the private key, or `nil` if the key is in the same file.
            ///   - password: The password of the key, or `nil` if the key is not encrypted.
            public static func files(
                certificate: some SystemStringConvertible, key: (any SystemStringConvertible)? = nil,
                password: String? = nil
            ) -> Identity {
                Identity(
                    source: .files(certificate: certificate.systemString, key: key?.systemString), password: password)
            }

            /// Returns an identity with a certificate and a key in PEM text.
            public static func pem(certificate: String, key: String, password: String? = nil) -> Identity {
                Identity(source: .text(certificate: certificate, key: key), password: password)
            }
        }

        /// Certificates to trust.
        public struct Trust: Sendable {
            enum Source: Sendable {
                case file(SystemString)
                case directory(SystemString)
                case text(String)
            }
            let source: Source

            /// The certificates in a PEM file; see ``TLSContext/trust(file:)``.
            public static func file(_ path: some SystemStringConvertible) -> Trust {
                Trust(source: .file(path.systemString))
            }
            /// The certificates in a directory; see ``TLSContext/trust(directory:)``.
            public static func directory(_ path: some SystemStringConvertible) -> Trust {
                Trust(source: .directory(path.systemString))
            }
            /// The certificates in PEM text; see ``TLSContext/trust(pem:)``.
            public static func pem(_ text: String) -> Trust { Trust(source: .text(text)) }
        }

        /// Whether the context is for a server.
        public let isServer: Bool
        /// The certificate that this side presents.
        public var identity: Identity?
        /// Whether to trust the certificates that the system trusts. The default is `true` for a client and `false` for
        /// a server.
        public var trustsSystem: Bool
        /// Additional certificates to trust.
        public var trusted: [Trust] = []
        /// Whether certificates must follow RFC 5280 strictly; see ``TLSContext/setStrictVerification(_:)``.
        public var verifiesStrictly = true
        /// Whether a server asks its clients for certificates.
        public var clientCertificates = ClientCertificates.notAsked
        /// The oldest version of TLS that is accepted.
        public var minimumVersion = Version.v1_2
        /// The newest version of TLS that is accepted, or `nil` for the newest version that OpenSSL supports.
        public var maximumVersion: Version?
        /// The application protocols to offer (ALPN), in order of preference.
        public var applicationProtocols: [String] = []
        /// The ciphers to allow in TLS 1.2 and earlier, in OpenSSL's notation, or `nil` for OpenSSL's defaults.
        public var ciphers: String?
        /// The cipher suites to allow in TLS 1.3, in OpenSSL's notation, or `nil` for OpenSSL's defaults.
        public var cipherSuites: String?
        /// The maximum duration of a handshake. If a handshake takes longer, the connection is aborted.
        public var handshakeTimeout = Duration.seconds(60)
        /// The maximum time that a closing connection waits for the peer's close_notify.
        public var shutdownTimeout = Duration.seconds(30)
        /// Whether a connection that ends without a close_notify is treated as closed normally; see
        /// ``TLSContext/toleratesTruncation``.
        public var toleratesTruncation = false

        private init(isServer: Bool, identity: Identity?, trustsSystem: Bool) {
            self.isServer = isServer
            self.identity = identity
            self.trustsSystem = trustsSystem
        }

        /// Returns the settings for a client.
        ///
        /// - Parameter systemTrust: Whether to trust the certificates that the system trusts.
        public static func client(systemTrust: Bool = true) -> Configuration {
            Configuration(isServer: false, identity: nil, trustsSystem: systemTrust)
        }

        /// Returns the settings for a server whose certificate is in a file. For the parameters, see
        /// ``Identity/files(certificate:key:password:)``. The files are read when the context is created.
        public static func server(
            certificate: some SystemStringConvertible, key: (any SystemStringConvertible)? = nil,
            password: String? = nil
        ) -> Configuration {
            .server(.files(certificate: certificate, key: key, password: password))
        }

        /// Returns the settings for a server.
        public static func server(_ identity: Identity) -> Configuration {
            Configuration(isServer: true, identity: identity, trustsSystem: false)
        }
    }

    /// Creates a context from its settings. Files are read synchronously.
    ///
    /// - Throws: ``TLSError``, whose message describes the problem, if OpenSSL 3 cannot be loaded or does not accept a
    ///   setting; ``ValueError`` if the minimum version is newer than the maximum version, a protocol name is empty or
    ///   longer than 255 bytes, `clientCertificates` is set for a client, or a string contains a zero byte.
    public convenience init(_ configuration: Configuration) throws {
        try self.init(isServer: configuration.isServer)
        if configuration.trustsSystem { try trustSystem() }
        for trust in configuration.trusted {
            switch trust.source {
            case .file(let path): try self.trust(file: path)
            case .directory(let path): try self.trust(directory: path)
            case .text(let text): try self.trust(pem: text)
            }
        }
        if let identity = configuration.identity {
            switch identity.source {
            case .files(let certificate, let key):
                try useCertificate(certificate, key: key, password: identity.password)
            case .text(let certificate, let key):
                try useCertificate(pem: certificate, keyPEM: key, password: identity.password)
            }
        }
        if !configuration.verifiesStrictly { setStrictVerification(false) }
        if configuration.clientCertificates != .notAsked { try askForCertificates(configuration.clientCertificates) }
        try setVersions(minimum: configuration.minimumVersion, maximum: configuration.maximumVersion)
        if !configuration.applicationProtocols.isEmpty { try setALPN(configuration.applicationProtocols) }
        if let ciphers = configuration.ciphers { try setCiphers(ciphers) }
        if let suites = configuration.cipherSuites { try setCipherSuites(suites) }
        handshakeTimeout = configuration.handshakeTimeout
        shutdownTimeout = configuration.shutdownTimeout
        toleratesTruncation = configuration.toleratesTruncation
    }
}
