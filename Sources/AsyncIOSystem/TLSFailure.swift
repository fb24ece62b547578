internal import CShims

/// Why TLS refused.
package struct TLSFailure: Error {
    package enum Kind {
        /// OpenSSL is not there.
        case unavailable
        /// A setting, a certificate or a key is no good.
        case configuration
        /// The peer's certificate is not to be trusted.
        case verification
        /// What the peer sent is not TLS, or not acceptable, or it refused us.
        case `protocol`
    }

    package let kind: Kind
    /// OpenSSL's words, or plainer ones.
    package let reason: String

    package init(_ kind: Kind, _ reason: String) {
        self.kind = kind
        self.reason = reason
    }

    /// What the latest call that failed on this thread said.
    static func latest(_ kind: Kind) -> TLSFailure {
        // SAFETY: a string of this thread, copied at once.
        TLSFailure(kind, unsafe String(cString: asyncio_tls_reason()))
    }

    /// X509_V_ERR_… in plain words, the common ones; the others in OpenSSL's.
    static func words(forVerification result: Int) -> String {
        switch result {
        case 9: "the certificate is not valid yet"
        case 10: "the certificate has expired"
        case 18: "the certificate is self-signed, and not trusted"
        case 19: "the certificate's root is self-signed, and not trusted"
        case 2, 20: "the certificate's issuer is not trusted"
        case 21: "the certificate's chain is not complete"
        case 23: "the certificate was revoked"
        case 26: "the certificate is for another purpose"
        case 62: "the certificate is for another host name"
        case 64: "the certificate is for another address"
        // SAFETY: a constant of OpenSSL's.
        default: unsafe String(cString: asyncio_tls_verify_words(result))
        }
    }
}
