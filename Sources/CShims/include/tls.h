//===-- TLS: OpenSSL 3 behind a small, I/O-free interface -------------------===//
// A connection takes the peer's bytes and gives bytes for the peer; it knows no socket.
// All of one connection is used on one thread. A failing call notes why:
// asyncio_tls_reason() tells, until the next failing call on this thread.
#ifndef ASYNCIO_TLS_H
#define ASYNCIO_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Finds OpenSSL, once; NULL, or a sentence that says why it cannot be used.
const char *asyncio_openssl_load(void);

/// Why the latest call on this thread that failed did so.
const char *asyncio_tls_reason(void);

// MARK: Contexts: what many connections share

typedef struct asyncio_tls_context asyncio_tls_context;

asyncio_tls_context *asyncio_tls_context_create(bool is_server);
void asyncio_tls_context_destroy(asyncio_tls_context *context);

/// `version` is 0x0301 for TLS 1.0 to 0x0304 for TLS 1.3; 0 is any.
bool asyncio_tls_context_set_versions(asyncio_tls_context *context, int minimum, int maximum);
bool asyncio_tls_context_set_ciphers(asyncio_tls_context *context, const char *list);
bool asyncio_tls_context_set_cipher_suites(asyncio_tls_context *context, const char *list);
/// `list` is in the form of the wire: each name after a byte with its length.
bool asyncio_tls_context_set_alpn(asyncio_tls_context *context, const void *list, size_t count, bool is_server);

enum { ASYNCIO_TLS_VERIFY_NONE = 0, ASYNCIO_TLS_VERIFY_PEER = 1, ASYNCIO_TLS_VERIFY_REQUIRED = 3 };
void asyncio_tls_context_set_verify(asyncio_tls_context *context, int mode);
/// Whether certificates have to be as RFC 5280 wants them. They have to, at first.
void asyncio_tls_context_set_strict(asyncio_tls_context *context, bool strict);
bool asyncio_tls_context_trust_system(asyncio_tls_context *context);
bool asyncio_tls_context_trust_directory(asyncio_tls_context *context, const char *path);
/// Trusts the certificates of `pem`; returns how many, -1 if it fails. With `names_issuers`
/// a server tells its clients whose certificates it takes.
int asyncio_tls_context_trust(asyncio_tls_context *context, const void *pem, size_t count, bool names_issuers);
/// A chain, its own certificate first; returns how many certificates it has, -1 if it fails.
int asyncio_tls_context_use_chain(asyncio_tls_context *context, const void *pem, size_t count);
/// False if `pem` has no key that can be read, or if it is not the chain's.
bool asyncio_tls_context_use_key(
    asyncio_tls_context *context, const void *pem, size_t count, const char *password);

// MARK: Connections

typedef struct asyncio_tls asyncio_tls;

/// What a call came to.
enum {
    ASYNCIO_TLS_DONE = 0,
    /// Nothing more can be done before the peer's next bytes.
    ASYNCIO_TLS_WANTS_INPUT = 1,
    /// The peer said that it sends no more.
    ASYNCIO_TLS_CLOSED = 2,
    ASYNCIO_TLS_FAILED = 3,
    /// Servers only, if asked for: the client named the server that it wants. Choose, go on.
    ASYNCIO_TLS_WANTS_CHOICE = 4,
};

/// `asks_choice`: a server stops at the client's first message, for a choice by name.
asyncio_tls *asyncio_tls_create(asyncio_tls_context *context, bool is_server, bool asks_choice);
void asyncio_tls_destroy(asyncio_tls *tls);

/// The name that the client asks for.
bool asyncio_tls_set_server_name(asyncio_tls *tls, const char *name);
/// The name, or address, that the peer's certificate must be for.
bool asyncio_tls_set_expected_host(asyncio_tls *tls, const char *host, bool is_address);

/// Takes the peer's bytes: they are borrowed until asyncio_tls_end_input, which copies
/// what was not used meanwhile.
void asyncio_tls_begin_input(asyncio_tls *tls, const void *bytes, size_t count);
bool asyncio_tls_end_input(asyncio_tls *tls);

int asyncio_tls_handshake(asyncio_tls *tls);
/// Decrypts into `bytes` what there is, up to `capacity`; `count` is how many came, perhaps
/// some even if the result is not DONE.
int asyncio_tls_read(asyncio_tls *tls, void *bytes, size_t capacity, size_t *count);
/// Encrypts all of `bytes`, or nothing (WANTS_INPUT: try again with the same bytes).
int asyncio_tls_write(asyncio_tls *tls, const void *bytes, size_t count);
/// Says to the peer that nothing more comes.
int asyncio_tls_shutdown(asyncio_tls *tls);

/// What is for the peer, until the next call.
const void *asyncio_tls_output(const asyncio_tls *tls, size_t *count);
/// All of it was taken.
void asyncio_tls_clear_output(asyncio_tls *tls);

/// After WANTS_CHOICE: the name, not ended by a zero, or NULL.
const void *asyncio_tls_wanted_name(const asyncio_tls *tls, size_t *count);
/// The answer: another context, or NULL to keep the present one; `refuses` ends the handshake.
void asyncio_tls_choose(asyncio_tls *tls, asyncio_tls_context *context, bool refuses);

// MARK: Sessions

/// A session for the next connection, if the server gave one meanwhile; the caller's.
void *asyncio_tls_take_session(asyncio_tls *tls);
/// Offers a session to the server. It stays the caller's.
bool asyncio_tls_offer_session(asyncio_tls *tls, void *session);
void asyncio_tls_session_free(void *session);
/// The version it is of: 0x0303 for TLS 1.2.
int asyncio_tls_session_version(void *session);
bool asyncio_tls_was_resumed(const asyncio_tls *tls);

// MARK: Facts

/// 0 if the peer's certificate is good, or X509_V_ERR_…
long asyncio_tls_verify_result(const asyncio_tls *tls);
const char *asyncio_tls_verify_words(long result);
const char *asyncio_tls_version(const asyncio_tls *tls);
const char *asyncio_tls_cipher(const asyncio_tls *tls);
int asyncio_tls_cipher_bits(const asyncio_tls *tls);
const char *asyncio_tls_requested_name(const asyncio_tls *tls);
const void *asyncio_tls_alpn(const asyncio_tls *tls, size_t *count);

/// The peer's certificate, or NULL; free it with asyncio_certificate_free.
void *asyncio_tls_peer_certificate(const asyncio_tls *tls);
void asyncio_certificate_free(void *certificate);

enum { ASYNCIO_CERTIFICATE_SUBJECT, ASYNCIO_CERTIFICATE_ISSUER, ASYNCIO_CERTIFICATE_SERIAL };
/// One of its texts; the caller frees it. NULL if memory is short.
char *asyncio_certificate_text(void *certificate, int which);
/// Seconds since 1970.
int64_t asyncio_certificate_time(void *certificate, bool is_end);
/// Calls `visit` for each alternative name: 2 is a DNS name, 7 an address in bytes, 1 a mail
/// address, 6 a URI.
void asyncio_certificate_names(
    void *certificate, void *context, void (*visit)(void *context, int type, const void *bytes, size_t count));
/// Its DER; returns the length. `bytes` may be NULL.
int asyncio_certificate_der(void *certificate, unsigned char *bytes);

#endif
