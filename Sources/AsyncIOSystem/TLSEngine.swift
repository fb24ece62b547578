internal import CShims

/// One TLS connection without I/O: takes the peer's bytes, gives bytes for the peer. Used
/// on one thread.
//
// SAFETY (of the file): the C connection is freed with this object. What it is handed is
// borrowed for the length of a call; what it gives is read before the next call.
@safe
package final class TLSEngine {
    /// What a call came to.
    package enum Outcome {
        case done
        /// Nothing more before the peer's next bytes.
        case wantsInput
        /// The peer said that it sends no more.
        case closed
        /// The client named the server that it wants: ``choose(_:)`` or ``refuse()``, then go on.
        case wantsChoice
    }

    private let pointer: OpaquePointer
    /// Those that OpenSSL refers to.
    private var contexts: [TLSEngineContext]

    /// - Parameters:
    ///   - serverName: the name that a client asks for.
    ///   - expectedHost: what the peer's certificate must be for; nil for anything.
    ///   - asksChoice: whether a server stops for a choice by name.
    package init(
        _ context: TLSEngineContext, serverName: String?, expectedHost: String?, isAddress: Bool, asksChoice: Bool
    ) throws(TLSFailure) {
        guard let pointer = unsafe asyncio_tls_create(context.pointer, context.isServer, asksChoice) else {
            throw .latest(.configuration)
        }
        unsafe self.pointer = pointer
        contexts = [context]
        if let serverName, unsafe !asyncio_tls_set_server_name(pointer, serverName) {
            throw TLSFailure(.configuration, "\(serverName) cannot be a server's name")
        }
        if let expectedHost, unsafe !asyncio_tls_set_expected_host(pointer, expectedHost, isAddress) {
            throw TLSFailure(.configuration, "\(expectedHost) cannot be a server's name")
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

    /// Keeps a copy of the peer's bytes.
    package func feed(_ bytes: UnsafeRawBufferPointer) throws(TLSFailure) {
        unsafe asyncio_tls_begin_input(pointer, bytes.baseAddress, bytes.count)
        guard unsafe asyncio_tls_end_input(pointer) else { throw TLSFailure(.protocol, "out of memory") }
    }

    package func handshake() throws(TLSFailure) -> Outcome { try outcome(unsafe asyncio_tls_handshake(pointer)) }

    /// Takes the peer's bytes and decrypts into `target` what there is; what does not fit is
    /// kept.
    ///
    /// - Parameter count: how many bytes came, perhaps some even if the outcome is not `done`,
    ///   which means that there may be more. If some came, an error is thrown by the next call.
    package func read(
        _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, count: inout Int
    ) throws(TLSFailure) -> Outcome {
        unsafe asyncio_tls_begin_input(pointer, bytes.baseAddress, bytes.count)
        let code = unsafe asyncio_tls_read(pointer, target.baseAddress, target.count, &count)
        guard unsafe asyncio_tls_end_input(pointer) else { throw TLSFailure(.protocol, "out of memory") }
        if Int(code) == ASYNCIO_TLS_FAILED, count > 0 { return .done }
        return try outcome(code)
    }

    /// Encrypts all of `bytes`; or nothing, if it wants input first: then the same bytes again.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(TLSFailure) -> Outcome {
        try outcome(unsafe asyncio_tls_write(pointer, bytes.baseAddress, bytes.count))
    }

    /// Says to the peer that nothing more comes.
    package func shutdown() throws(TLSFailure) { _ = try outcome(unsafe asyncio_tls_shutdown(pointer)) }

    /// Hands `body` what is for the peer, which counts as taken then.
    @inline(__always)
    package func takeOutput(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
        var count = 0
        guard let bytes = unsafe asyncio_tls_output(pointer, &count), count > 0 else { return }
        defer { unsafe asyncio_tls_clear_output(pointer) }
        unsafe try body(UnsafeRawBufferPointer(start: bytes, count: count))
    }

    // MARK: A choice by name

    /// The name that the client asks for, if it asks for one.
    package var wantedName: String? {
        var count = 0
        guard let bytes = unsafe asyncio_tls_wanted_name(pointer, &count) else { return nil }
        return unsafe String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    /// Goes on with `context`; nil for the present one.
    package func choose(_ context: TLSEngineContext?) {
        if let context { contexts.append(context) }
        unsafe asyncio_tls_choose(pointer, context?.pointer, false)
    }

    /// Ends the handshake with an alert.
    package func refuse() { unsafe asyncio_tls_choose(pointer, nil, true) }

    // MARK: Sessions

    /// A session to resume, if the server gave one since the last call.
    package func takeSession() -> TLSSession? { unsafe asyncio_tls_take_session(pointer).map { unsafe TLSSession($0) } }

    package func offer(_ session: TLSSession) { _ = unsafe asyncio_tls_offer_session(pointer, session.pointer) }

    // MARK: Facts

    package var wasResumed: Bool { unsafe asyncio_tls_was_resumed(pointer) }
    package var version: String { unsafe String(cString: asyncio_tls_version(pointer)) }
    package var cipher: String { unsafe asyncio_tls_cipher(pointer).map { unsafe String(cString: $0) } ?? "" }
    package var cipherBits: Int { unsafe Int(asyncio_tls_cipher_bits(pointer)) }

    /// The server's name that was asked for.
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

/// What a client keeps of a connection, to make the next one quicker.
@safe
package final class TLSSession {
    // SAFETY: ours, and freed with this object.
    let pointer: UnsafeMutableRawPointer
    init(_ pointer: UnsafeMutableRawPointer) { unsafe self.pointer = pointer }
    deinit { unsafe asyncio_tls_session_free(pointer) }

    /// Whether it is to be used once: servers give new ones from TLS 1.3 on.
    package var isForOneUse: Bool { unsafe asyncio_tls_session_version(pointer) >= 0x0304 }
}
