internal import AsyncIOSystem

/// A TLS failure, such as an untrusted certificate, a protocol violation, or a truncated stream.
///
/// If the network below a TLS connection fails, the error is an ``OSError``, as for any other connection.
///
/// asyncio: `ssl.SSLError`, `ssl.SSLCertVerificationError`.
public struct TLSError: Error, CustomStringConvertible {
    /// The kind of failure. Later versions may add more kinds.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The name of the kind of failure.
        public let description: String

        /// OpenSSL 3 cannot be loaded. The message describes how to fix the problem.
        public static let unavailable = Code(description: "unavailable")
        /// One of this side's settings, certificates, or keys is not valid.
        public static let configuration = Code(description: "configuration")
        /// The peer's certificate is not trusted.
        public static let verification = Code(description: "verification")
        /// The peer sent invalid or unacceptable data, or rejected data from this side.
        public static let protocolViolation = Code(description: "protocol violation")
        /// The connection ended without a close_notify, so data may have been cut off.
        public static let truncated = Code(description: "truncated")
    }

    /// The kind of failure.
    public let code: Code
    /// A description of the failure.
    public let message: String

    /// Creates an error with a code and a message.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }

    /// Creates an error from a failure of the TLS engine.
    ///
    /// - Parameter operation: The operation that failed, or nil if the failure's reason already names the operation.
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
