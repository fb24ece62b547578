internal import CShims

/// The settings that many TLS connections share, such as certificates, trusted authorities, and protocol versions. A
/// change affects only connections that are created afterward.
//
// SAFETY (of the file): the C context is freed with this object, which every connection retains. A
// C string or an array is borrowed for the duration of a call, which copies it.
@safe
package final class TLSEngineContext {
    package let isServer: Bool
    let pointer: OpaquePointer

    /// - Throws: `.unavailable` if OpenSSL 3 is not available.
    package init(isServer: Bool) throws(TLSFailure) {
        if let problem = unsafe asyncio_openssl_load() {
            throw TLSFailure(.unavailable, unsafe String(cString: problem))
        }
        guard let pointer = unsafe asyncio_tls_context_create(isServer) else { throw .latest(.configuration) }
        self.isServer = isServer
        unsafe self.pointer = pointer
    }

    deinit { unsafe asyncio_tls_context_destroy(pointer) }

    private func check(_ succeeded: Bool, _ about: String) throws(TLSFailure) {
        guard succeeded else {
            throw TLSFailure(.configuration, "\(about): \(TLSFailure.latest(.configuration).reason)")
        }
    }

    // MARK: The protocol

    /// Sets the range of versions. Each version is given as its number on the wire, such as 0x0303 for TLS 1.2. If
    /// `maximum` is nil, there is no upper limit.
    package func setVersions(minimum: Int32, maximum: Int32?) throws(TLSFailure) {
        guard unsafe asyncio_tls_context_set_versions(pointer, minimum, maximum ?? 0) else {
            throw TLSFailure(.configuration, "OpenSSL does not support these versions of TLS")
        }
    }

    package func setCiphers(_ list: String) throws(TLSFailure) {
        try check(unsafe asyncio_tls_context_set_ciphers(pointer, list), "ciphers \(list)")
    }

    package func setCipherSuites(_ list: String) throws(TLSFailure) {
        try check(unsafe asyncio_tls_context_set_cipher_suites(pointer, list), "cipher suites \(list)")
    }

    /// - Parameter protocols: The names, none of which is empty or longer than 255 bytes.
    package func setALPN(_ protocols: [String]) throws(TLSFailure) {
        let list = protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        guard unsafe asyncio_tls_context_set_alpn(pointer, list, list.count, isServer) else {
            throw TLSFailure(.configuration, "out of memory")
        }
    }

    // MARK: Trust

    package enum Verification: Int32 {
        case none = 0
        /// A client verifies its server. A server verifies a client that has a certificate.
        case peer = 1
        /// A server rejects clients without a certificate.
        case required = 3
    }

    package func setVerification(_ verification: Verification) {
        unsafe asyncio_tls_context_set_verify(pointer, verification.rawValue)
    }

    package func setStrict(_ isStrict: Bool) { unsafe asyncio_tls_context_set_strict(pointer, isStrict) }

    package func trustSystem() throws(TLSFailure) {
        try check(unsafe asyncio_tls_context_trust_system(pointer), "the system's certificates")
    }

    /// - Parameter path: A path that ends with a zero.
    package func trust(directory path: [CChar]) throws(TLSFailure) {
        let text = String(decoding: path.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        try check(unsafe asyncio_tls_context_trust_directory(pointer, path), text)
    }

    /// - Parameter source: The origin of `pem`, for messages.
    package func trust(pem: [UInt8], from source: String) throws(TLSFailure) {
        let count = unsafe asyncio_tls_context_trust(pointer, pem, pem.count, isServer)
        try check(count >= 0, source)
        guard count > 0 else { throw TLSFailure(.configuration, "\(source): no certificate in PEM form found") }
    }

    // MARK: The local certificate

    package func useChain(pem: [UInt8], from source: String) throws(TLSFailure) {
        let count = unsafe asyncio_tls_context_use_chain(pointer, pem, pem.count)
        try check(count >= 0, source)
        guard count > 0 else { throw TLSFailure(.configuration, "\(source): no certificate in PEM form found") }
    }

    package func useKey(pem: [UInt8], password: String?, from source: String) throws(TLSFailure) {
        try check(unsafe asyncio_tls_context_use_key(pointer, pem, pem.count, password), source)
    }
}
