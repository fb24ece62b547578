internal import CShims

/// One TLS connection without I/O. It takes bytes from the peer and produces bytes for the peer. A connection is used
/// on one thread.
//
// SAFETY (of the file): the C connection is freed with this object. Its inputs are borrowed for the
// duration of a call, and its outputs are read before the next call.
@safe
package final class TLSEngine {
    /// The outcome of a call.
    package enum Outcome {
        case done
        /// The engine cannot continue until it receives more bytes from the peer.
        case wantsInput
        /// The peer has announced that it will send no more data.
        case closed
        /// The client has sent a server name. Call ``choose(_:)`` or ``refuse()``, then continue.
        case wantsChoice
    }

    private let pointer: OpaquePointer
    /// The contexts that OpenSSL refers to.
    private var contexts: [TLSEngineContext]

    /// - Parameters:
    ///   - serverName: The server name that a client sends.
    ///   - expectedHost: The name for which the peer's certificate must be valid, or nil for any name.
    ///   - asksChoice: Whether the handshake of a server stops so that the server can choose a context by name.
    package init(
        _ context: TLSEngineContext, serverName: String?, expectedHost: String?, isAddress: Bool, asksChoice: Bool
    ) throws(TLSFailure) {
        guard let pointer = unsafe asyncio_tls_create(context.pointer, context.isServer, asksChoice) else {
            throw .latest(.configuration)
        }
        unsafe self.pointer = pointer
        contexts = [context]
        if let serverName, unsafe !asyncio_tls_set_server_name(pointer, serverName) {
            throw TLSFailure(.configuration, "\(serverName) is not a valid server name")
        }
        if let expectedHost, unsafe !asyncio_tls_set_expected_host(pointer, expectedHost, isAddress) {
            throw TLSFailure(.configuration, "\(expectedHost) is not a valid server name")
        }
    }

    deinit { unsafe asyncio_tls_destroy(pointer) }

    private func outcome(_ code: Int32) throws(TLSFailure) -> Outcome {
        switch Int(code) {
        case ASYNCIO_TLS_DONE: return .done
        case ASYNCIO_TLS_WANTS_INPUT: return .wantsInput
        case ASYNCIO_TLS_CLOSED: return .closed
        case ASYNCIO_TLS_WANTS_CHOICE: return .wantsChoice
        default: throw failure
        }
    }

    private var failure: TLSFailure {
        let failure = TLSFailure.latest(.protocol)
        let verification = unsafe asyncio_tls_verify_result(pointer)
        guard failure.reason == "certificate verify failed", verification != 0 else { return failure }
        return TLSFailure(.verification, TLSFailure.words(forVerification: verification))
    }

    // MARK: Bytes

    /// Copies bytes from the peer.
    package func feed(_ bytes: UnsafeRawBufferPointer) throws(TLSFailure) {
        unsafe asyncio_tls_begin_input(pointer, bytes.baseAddress, bytes.count)
        guard unsafe asyncio_tls_end_input(pointer) else { throw TLSFailure(.protocol, "out of memory") }
    }

    package func handshake() throws(TLSFailure) -> Outcome { try outcome(unsafe asyncio_tls_handshake(pointer)) }

    /// Takes bytes from the peer, and decrypts them into `target`. Bytes that do not fit remain buffered.
    ///
    /// - Parameter count: The number of decrypted bytes. This number can be positive even if the outcome is not `done`.
    ///   The outcome `done` means that there may be more bytes. If the number is positive and an error occurs, the next
    ///   call throws the error.
    package func read(
        _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, count: inout Int
    ) throws(TLSFailure) -> Outcome {
        unsafe asyncio_tls_begin_input(pointer, bytes.baseAddress, bytes.count)
        let code = unsafe asyncio_tls_read(pointer, target.baseAddress, target.count, &count)
        guard unsafe asyncio_tls_end_input(pointer) else { throw TLSFailure(.protocol, "out of memory") }
        if Int(code) == ASYNCIO_TLS_FAILED, count > 0 { return .done }
        return try outcome(code)
    }

    /// Encrypts all of `bytes`, or none of them if the engine needs input first. In that case, pass the same bytes
    /// again later.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(TLSFailure) -> Outcome {
        try outcome(unsafe asyncio_tls_write(pointer, bytes.baseAddress, bytes.count))
    }

    /// Announces to the peer that this side will send no more data.
    package func shutdown() throws(TLSFailure) { _ = try outcome(unsafe asyncio_tls_shutdown(pointer)) }

    /// Calls `body` with the bytes for the peer, and then removes these bytes.
    @inline(__always)
    package func takeOutput(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
        var count = 0
        guard let bytes = unsafe asyncio_tls_output(pointer, &count), count > 0 else { return }
        defer { unsafe asyncio_tls_clear_output(pointer) }
        unsafe try body(UnsafeRawBufferPointer(start: bytes, count: count))
    }

    // MARK: Choosing by name

    /// The server name that the client has sent, if any.
    package var wantedName: String? {
        var count = 0
        guard let bytes = unsafe asyncio_tls_wanted_name(pointer, &count) else { return nil }
        return unsafe String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    /// Continues with `context`, or with the current context if `context` is nil.
    package func choose(_ context: TLSEngineContext?) {
        if let context { contexts.append(context) }
        unsafe asyncio_tls_choose(pointer, context?.pointer, false)
    }

    /// Ends the handshake with an alert.
    package func refuse() { unsafe asyncio_tls_choose(pointer, nil, true) }

    // MARK: Sessions

    /// Returns a session that can be resumed, if the server has sent a session since the last call.
    package func takeSession() -> TLSSession? { unsafe asyncio_tls_take_session(pointer).map { unsafe TLSSession($0) } }

    package func offer(_ session: TLSSession) { _ = unsafe asyncio_tls_offer_session(pointer, session.pointer) }

    // MARK: Facts

    package var wasResumed: Bool { unsafe asyncio_tls_was_resumed(pointer) }
    package var version: String { unsafe String(cString: asyncio_tls_version(pointer)) }
    package var cipher: String { unsafe asyncio_tls_cipher(pointer).map { unsafe String(cString: $0) } ?? "" }
    package var cipherBits: Int { unsafe Int(asyncio_tls_cipher_bits(pointer)) }

    /// The server name that was requested.
    package var requestedName: String? {
        unsafe asyncio_tls_requested_name(pointer).map { unsafe String(cString: $0) }
    }

    package var alpn: String? {
        var count = 0
        guard let bytes = unsafe asyncio_tls_alpn(pointer, &count), count > 0 else { return nil }
        return unsafe String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    package var peerCertificate: Certificate? {
        unsafe asyncio_tls_peer_certificate(pointer).map { unsafe Certificate($0) }
    }
}

/// The data that a client stores from a connection to make the next connection faster.
@safe
package final class TLSSession {
    // SAFETY: this object owns the session and frees it on deallocation.
    let pointer: UnsafeMutableRawPointer
    init(_ pointer: UnsafeMutableRawPointer) { unsafe self.pointer = pointer }
    deinit { unsafe asyncio_tls_session_free(pointer) }

    /// Whether the session should be used only once. With TLS 1.3 and later, servers send new sessions.
    package var isForOneUse: Bool { unsafe asyncio_tls_session_version(pointer) >= 0x0304 }
}
