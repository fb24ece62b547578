internal import AsyncIOSystem

/// A TLS failure: an untrusted certificate, a peer that does not follow the protocol, or a truncated stream.
///
/// A failure of the network below a TLS connection is an ``OSError``, as on any other connection.
///
/// asyncio: `ssl.SSLError`, `ssl.SSLCertVerificationError`.
public struct TLSError: Error, CustomStringConvertible {
    /// The kind of failure. More kinds may be added in later versions.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The name of the kind.
        public let description: String

        /// OpenSSL 3 cannot be loaded. The message describes how to fix the problem.
        public static let unavailable = Code(description: "unavailable")
        /// A setting, a certificate, or a key of this side is not valid.
        public static let configuration = Code(description: "configuration")
        /// The peer's certificate is not trusted.
        public static let verification = Code(description: "verification")
        /// The peer sent data that is not valid TLS or not acceptable, or it rejected data from this side.
        public static let protocolViolation = Code(description: "protocol violation")
        /// The connection ended without a close_notify, so data may have been cut off.
        public static let truncated = Code(description: "truncated")
    }

    /// The kind of failure.
    public let code: Code
    /// A description of the failure.
    public let message: String

    /// Creates an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }

    /// - Parameter operation: The attempted operation, or nil if the reason already names it.
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
