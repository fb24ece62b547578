internal import AsyncIOSystem

/// TLS refused: a certificate that is not to be trusted, a peer that speaks something else, a
/// stream that was cut off.
///
/// What the network below does to a TLS connection is an ``OSError``, as on any other.
///
/// asyncio: `ssl.SSLError`, `ssl.SSLCertVerificationError`.
public struct TLSError: Error, CustomStringConvertible {
    /// What kind of refusal it is. There may be more of them one day.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        /// OpenSSL 3 cannot be loaded; the message says how to mend that.
        public static let unavailable = Code(description: "unavailable")
        /// A setting, a certificate or a key of this side is no good.
        public static let configuration = Code(description: "configuration")
        /// The peer's certificate is not to be trusted.
        public static let verification = Code(description: "verification")
        /// What the peer said is no TLS, or not acceptable, or it refused what this side said.
        public static let protocolViolation = Code(description: "protocol violation")
        /// The connection ended without TLS's own end: somebody may have cut bytes off.
        public static let truncated = Code(description: "truncated")
    }

    public let code: Code
    /// What happened, in words.
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }

    /// - Parameter operation: what was tried; nil if the words say it themselves.
    init(_ failure: TLSFailure, _ operation: String?) {
        let code: Code =
            switch failure.kind {
            case .unavailable: .unavailable
            case .configuration: .configuration
            case .verification: .verification
            case .protocol: .protocolViolation
            }
        self.init(code, operation.map { "\($0): \(failure.reason)" } ?? failure.reason)
    }
}
