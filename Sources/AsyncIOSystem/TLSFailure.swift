internal import CShims

/// The reason why TLS failed.
package struct TLSFailure: Error {
    package enum Kind {
        /// OpenSSL is not available.
        case unavailable
        /// A setting, a certificate, or a key is invalid.
        case configuration
        /// The peer's certificate is not trusted.
        case verification
        /// The peer sent data that is not TLS or is not acceptable, or the peer rejected this side.
        case `protocol`
    }

    package let kind: Kind
    /// The reason in OpenSSL's words or in plainer words.
    package let reason: String

    package init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
    }

    /// The failure of the latest failed call on this thread.
    static func latest(_ kind: Kind) -> TLSFailure {
        // SAFETY: the string belongs to this thread and is copied at once.
        TLSFailure(kind, unsafe String(cString: asyncio_tls_reason()))
    }

    /// Describes a verification result (X509_V_ERR_…). Common results are described in plain words, and all others in
    /// OpenSSL's words.
    static func words(forVerification result: Int) -> String {
        switch result {
        case 9: "the certificate is not valid yet"
        case 10: "the certificate has expired"
        case 18: "the certificate is self-signed and not trusted"
        case 19: "the certificate's root is self-signed and not trusted"
        case 2, 20: "the certificate's issuer is not trusted"
        case 21: "the certificate's chain is incomplete"
        case 23: "the certificate was revoked"
        case 26: "the certificate is for another purpose"
        case 62: "the certificate is for another host name"
        case 64: "the certificate is for another address"
        // SAFETY: the string is a constant in OpenSSL.
        default: unsafe String(cString: asyncio_tls_verify_words(result))
        }
    }
}
