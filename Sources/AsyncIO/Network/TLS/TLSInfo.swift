internal import AsyncIOSystem

/// The results of a TLS negotiation.
///
/// asyncio: `get_extra_info` with `cipher`, `peercert`, and `ssl_object`.
public struct TLSInfo: Sendable, Hashable {
    /// The version of TLS, such as ``TLSContext/Version/v1_3``.
    ///
    /// asyncio: `SSLSocket.version`.
    public let version: TLSContext.Version
    /// The cipher suite, such as `"TLS_AES_256_GCM_SHA384"`.
    ///
    /// asyncio: `SSLSocket.cipher`.
    public let cipher: String
    /// The number of secret bits that the cipher uses.
    public let cipherBits: Int
    /// The application protocol that ALPN negotiated, or `nil` if no protocol was negotiated; see
    /// ``TLSContext/setALPN(_:)``.
    ///
    /// asyncio: `SSLSocket.selected_alpn_protocol`.
    public let applicationProtocol: String?
    /// The server name that the client requested, or `nil` if the client did not request a name.
    public let serverName: String?
    /// Whether the connection resumed an earlier session.
    ///
    /// asyncio: `SSLSocket.session_reused`.
    public let isResumed: Bool
    /// The certificate that the peer presented, or `nil` if the peer did not present a certificate.
    ///
    /// asyncio: `SSLSocket.getpeercert`.
    public let peerCertificate: TLSCertificate?

    init(_ engine: TLSEngine) {
        version = TLSContext.Version(name: engine.version)
        cipher = engine.cipher
        cipherBits = engine.cipherBits
        applicationProtocol = engine.alpn
        serverName = engine.requestedName
        isResumed = engine.wasResumed
        peerCertificate = engine.peerCertificate.map(TLSCertificate.init)
    }
}

/// The main fields of a certificate.
///
/// asyncio: `SSLSocket.getpeercert`.
public struct TLSCertificate: Sendable, Hashable {
    /// The subject, such as `"CN=example.com,O=Example"`, in RFC 2253 notation.
    public let subject: String
    /// The issuer, in RFC 2253 notation.
    public let issuer: String
    /// The serial number, in hexadecimal digits.
    public let serialNumber: String
    /// The period during which the certificate is valid. The bounds are durations since 1970-01-01 00:00 UTC. To
    /// compare a bound with a Foundation `Date`, use `Duration.seconds(date.timeIntervalSince1970)`.
    public let validity: ClosedRange<Duration>
    /// The host names that the certificate is valid for. A name can begin with the wildcard `*.`.
    public let dnsNames: [String]
    /// The IP addresses that the certificate is valid for.
    public let addresses: [String]
    /// The certificate in DER encoding.
    public let der: [UInt8]

    init(_ certificate: Certificate) {
        subject = certificate.subject
        issuer = certificate.issuer
        serialNumber = certificate.serialNumber
        let seconds = certificate.validity
        validity = .seconds(seconds.lowerBound) ... .seconds(seconds.upperBound)
        let names = certificate.names
        dnsNames = names.filter { $0.type == 2 }.map { String(decoding: $0.bytes, as: UTF8.self) }
        addresses = names.filter { $0.type == 7 }.compactMap { SystemAddress(host: $0.bytes)?.host }
        der = certificate.der
    }
}
