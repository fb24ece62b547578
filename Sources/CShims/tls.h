//===-- TLS: OpenSSL 3 behind a small, I/O-free interface -------------------===//
// A connection takes bytes from the peer and produces bytes for the peer. It does not know about
// sockets. A connection is used on one thread. A call that fails records the reason, which
// asyncio_tls_reason() returns until the next failure on this thread.
#ifndef ASYNCIO_TLS_H
#define ASYNCIO_TLS_H

#include "include/platform.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Loads OpenSSL once. Returns NULL on success, or a sentence that says why OpenSSL cannot be used.
const char *asyncio_openssl_load(void);

/// Returns the reason for the latest failure on this thread.
const char *asyncio_tls_reason(void);

// MARK: Contexts

typedef struct asyncio_tls_context asyncio_tls_context;

asyncio_tls_context *asyncio_tls_context_create(bool is_server);
void asyncio_tls_context_destroy(asyncio_tls_context *context);

/// Sets the minimum and maximum versions. Versions are numbers from 0x0301 for TLS 1.0 to 0x0304
/// for TLS 1.3, and 0 means no limit.
bool asyncio_tls_context_set_versions(asyncio_tls_context *context, int minimum, int maximum);
bool asyncio_tls_context_set_ciphers(asyncio_tls_context *context, const char *list);
bool asyncio_tls_context_set_cipher_suites(asyncio_tls_context *context, const char *list);
/// Sets the ALPN protocols. `list` has the wire format, in which each name is preceded by a byte
/// that contains the length of the name.
bool asyncio_tls_context_set_alpn(asyncio_tls_context *context, const void *list, size_t count, bool is_server);

enum { ASYNCIO_TLS_VERIFY_NONE = 0, ASYNCIO_TLS_VERIFY_PEER = 1, ASYNCIO_TLS_VERIFY_REQUIRED = 3 };
void asyncio_tls_context_set_verify(asyncio_tls_context *context, int mode);
/// Sets whether certificates must conform to RFC 5280, which is the default.
void asyncio_tls_context_set_strict(asyncio_tls_context *context, bool strict);
bool asyncio_tls_context_trust_system(asyncio_tls_context *context);
bool asyncio_tls_context_trust_directory(asyncio_tls_context *context, const char *path);
/// Trusts the certificates in `pem`. Returns the number of certificates, or -1 on failure. With
/// `names_issuers`, a server tells clients which issuers it accepts.
int asyncio_tls_context_trust(asyncio_tls_context *context, const void *pem, size_t count, bool names_issuers);
/// Uses a certificate chain that starts with the local certificate. Returns the number of
/// certificates, or -1 on failure.
int asyncio_tls_context_use_chain(asyncio_tls_context *context, const void *pem, size_t count);
/// Uses a private key. Returns false if `pem` has no readable key, or if the key does not belong to
/// the chain.
bool asyncio_tls_context_use_key(
    asyncio_tls_context *context, const void *pem, size_t count, const char *password);

// MARK: Connections

typedef struct asyncio_tls asyncio_tls;

/// The outcome of a call.
enum {
    ASYNCIO_TLS_DONE = 0,
    /// The connection cannot continue until it receives more bytes from the peer.
    ASYNCIO_TLS_WANTS_INPUT = 1,
    /// The peer has announced that it will send no more data.
    ASYNCIO_TLS_CLOSED = 2,
    ASYNCIO_TLS_FAILED = 3,
    /// The client has sent a server name. This outcome occurs only on servers that request it.
    /// Choose a context, and then continue.
    ASYNCIO_TLS_WANTS_CHOICE = 4,
};

/// Creates a connection. `asks_choice` says whether a server stops at the client's first message to
/// choose a context by name.
asyncio_tls *asyncio_tls_create(asyncio_tls_context *context, bool is_server, bool asks_choice);
void asyncio_tls_destroy(asyncio_tls *tls);

/// Sets the server name that the client sends.
bool asyncio_tls_set_server_name(asyncio_tls *tls, const char *name);
/// Sets the name or address for which the peer's certificate must be valid.
bool asyncio_tls_set_expected_host(asyncio_tls *tls, const char *host, bool is_address);

/// Takes bytes from the peer. The bytes are borrowed until asyncio_tls_end_input, which copies the
/// bytes that have not been used by then.
void asyncio_tls_begin_input(asyncio_tls *tls, const void *bytes, size_t count);
bool asyncio_tls_end_input(asyncio_tls *tls);

int asyncio_tls_handshake(asyncio_tls *tls);
/// Decrypts up to `capacity` bytes into `bytes`. `count` is the number of decrypted bytes, which
/// can be positive even if the result is not DONE.
int asyncio_tls_read(asyncio_tls *tls, void *bytes, size_t capacity, size_t *count);
/// Encrypts all of `bytes` or none of them. If the result is WANTS_INPUT, try again later with the
/// same bytes.
int asyncio_tls_write(asyncio_tls *tls, const void *bytes, size_t count);
/// Announces to the peer that this side will send no more data.
int asyncio_tls_shutdown(asyncio_tls *tls);

/// Returns the bytes for the peer, which are valid until the next call.
const void *asyncio_tls_output(const asyncio_tls *tls, size_t *count);
/// Removes the output. The caller must have taken all of it.
void asyncio_tls_clear_output(asyncio_tls *tls);

/// Returns the server name after WANTS_CHOICE, without a terminating zero, or NULL.
const void *asyncio_tls_wanted_name(const asyncio_tls *tls, size_t *count);
/// Answers WANTS_CHOICE with another context, or with NULL to keep the current context. `refuses`
/// ends the handshake.
void asyncio_tls_choose(asyncio_tls *tls, asyncio_tls_context *context, bool refuses);

// MARK: Sessions

/// Returns a session for the next connection, if the server has sent one since the last call. The
/// caller owns the session.
void *asyncio_tls_take_session(asyncio_tls *tls);
/// Offers a session to the server. The caller still owns the session.
bool asyncio_tls_offer_session(asyncio_tls *tls, void *session);
void asyncio_tls_session_free(void *session);
/// Returns the TLS version of a session, such as 0x0303 for TLS 1.2.
int asyncio_tls_session_version(void *session);
bool asyncio_tls_was_resumed(const asyncio_tls *tls);

// MARK: Facts

/// Returns 0 if the peer's certificate is valid, or an error X509_V_ERR_… otherwise.
long asyncio_tls_verify_result(const asyncio_tls *tls);
const char *asyncio_tls_verify_words(long result);
const char *asyncio_tls_version(const asyncio_tls *tls);
const char *asyncio_tls_cipher(const asyncio_tls *tls);
int asyncio_tls_cipher_bits(const asyncio_tls *tls);
const char *asyncio_tls_requested_name(const asyncio_tls *tls);
const void *asyncio_tls_alpn(const asyncio_tls *tls, size_t *count);

/// Returns the peer's certificate, or NULL. Free the certificate with asyncio_certificate_free.
void *asyncio_tls_peer_certificate(const asyncio_tls *tls);
void asyncio_certificate_free(void *certificate);

enum { ASYNCIO_CERTIFICATE_SUBJECT, ASYNCIO_CERTIFICATE_ISSUER, ASYNCIO_CERTIFICATE_SERIAL };
/// Returns a text of the certificate, which the caller must free, or NULL if there is no memory.
char *asyncio_certificate_text(void *certificate, int which);
/// Returns the beginning or the end of the certificate's validity, in seconds since 1970.
int64_t asyncio_certificate_time(void *certificate, bool is_end);
/// Calls `visit` for each alternative name. The types are 1 for an email address, 2 for a DNS name,
/// 6 for a URI, and 7 for an address in bytes.
void asyncio_certificate_names(
    void *certificate, void *context, void (*visit)(void *context, int type, const void *bytes, size_t count));
/// Writes the certificate in DER format, and returns its length. `bytes` can be NULL.
int asyncio_certificate_der(void *certificate, unsigned char *bytes);

#endif
