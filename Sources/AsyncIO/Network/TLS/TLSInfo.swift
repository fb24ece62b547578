internal import AsyncIOSystem

/// What a TLS connection has agreed on.
///
/// asyncio: what `get_extra_info` says to `cipher`, `peercert`, `ssl_object`.
public struct TLSInfo {
    /// The version: `"TLSv1.3"`.
    public let version: String
    /// The cipher suite: `"TLS_AES_256_GCM_SHA384"`.
    public let cipher: String
    /// How many bits of secret the cipher has.
    public let cipherBits: Int
    /// What is spoken over TLS, if ALPN agreed on something; see ``TLSContext/setALPN(_:)``.
    public let applicationProtocol: String?
    /// The name that the client asked for.
    public let serverName: String?
    /// Whether it goes on from an earlier connection.
    public let isResumed: Bool
    /// What the peer showed; nil if that was nothing.
    public let peerCertificate: TLSCertificate?

    init(_ engine: TLSEngine) {
        version = engine.version
        cipher = engine.cipher
        cipherBits = engine.cipherBits
        applicationProtocol = engine.alpn
        serverName = engine.requestedName
        isResumed = engine.wasResumed
        peerCertificate = engine.peerCertificate.map(TLSCertificate.init)
    }
}

/// A certificate, as far as programs look at it.
///
/// asyncio: `SSLSocket.getpeercert`.
public struct TLSCertificate: Sendable, Hashable {
    /// Whose it is: `"CN=example.com,O=Example"`, as RFC 2253 writes names.
    public let subject: String
    /// Who says so.
    public let issuer: String
    /// In hexadecimal digits.
    public let serialNumber: String
    /// From when to when it is valid, in seconds since 1970.
    public let validity: ClosedRange<Int64>
    /// The host names that it is for; some begin with `*.`.
    public let dnsNames: [String]
    /// The addresses that it is for.
    public let addresses: [String]
    /// The certificate itself.
    public let der: [UInt8]

    init(_ certificate: Certificate) {
        subject = certificate.subject
        issuer = certificate.issuer
        serialNumber = certificate.serialNumber
        validity = certificate.validity
        let names = certificate.names
        dnsNames = names.filter { $0.type == 2 }.map { String(decoding: $0.bytes, as: UTF8.self) }
        addresses = names.filter { $0.type == 7 }.compactMap { SystemAddress(host: $0.bytes)?.host }
        der = certificate.der
    }
}
