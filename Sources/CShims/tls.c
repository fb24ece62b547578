// # A connection without I/O
//
// OpenSSL reads and writes through a custom BIO, which is memory on both sides:
//
//     peer's bytes -> input (borrowed, then kept) -> SSL -> plain bytes
//     plain bytes  -> SSL -> output -> for the peer
//
// Input is borrowed for the duration of a call, because OpenSSL usually takes all of it at once. Only the
// remainder is copied. Output grows as needed, so that a write never stops halfway. The sender limits the
// amount of buffered output. Empty buffers are freed, so an idle connection has no buffers.
//
// This file is in C, because OpenSSL calls the BIO's callbacks during its own calls, and because all calls go
// through the table of openssl.h. The code makes no system calls.
#include "clock.h"
#include "openssl.h"
#include "tls.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    SSL_ERROR_WANT_READ = 2,
    SSL_ERROR_ZERO_RETURN = 6,
    SSL_ERROR_WANT_CLIENT_HELLO_CB = 11,

    BIO_TYPE_SOURCE_SINK = 0x0400,
    BIO_FLAGS_READ = 0x01,
    BIO_FLAGS_RWS_RETRY = 0x07 | 0x08,
    BIO_FLAGS_SHOULD_RETRY = 0x08,
    BIO_CTRL_FLUSH = 11,

    SSL_CTRL_SET_TLSEXT_HOSTNAME = 55,
    TLSEXT_TYPE_server_name = 0,
    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS = 0x4,

    SSL_CLIENT_HELLO_SUCCESS = 1,
    SSL_CLIENT_HELLO_ERROR = 0,
    SSL_CLIENT_HELLO_RETRY = -1,
    SSL_AD_UNRECOGNIZED_NAME = 112,
};

typedef struct {
    unsigned char *bytes;
    size_t start, count, capacity; // the content begins at `start`
} buffer;

struct asyncio_tls {
    void *ssl;
    const unsigned char *input; // borrowed
    size_t input_count;
    buffer kept; // older than the borrowed input
    buffer output;
    void *session;
    /// The reason for a failure. A failure is final.
    char *failure;
    const unsigned char *name; // set while a choice is wanted
    size_t name_count;
    enum { NO_CHOICE, WANTS_CHOICE, CHOSEN, REFUSED } choice;
};

// MARK: Buffers

static bool reserve(buffer *it, size_t more) {
    size_t needed = it->start + it->count + more;
    if (needed <= it->capacity) return true;
    size_t capacity = it->capacity * 2 > needed ? it->capacity * 2 : needed;
    unsigned char *bytes = realloc(it->bytes, capacity);
    if (!bytes) return false;
    it->bytes = bytes;
    it->capacity = capacity;
    return true;
}

static bool append(buffer *it, const void *bytes, size_t count) {
    if (!reserve(it, count)) return false;
    memcpy(it->bytes + it->start + it->count, bytes, count);
    it->count += count;
    return true;
}

static void release(buffer *it) {
    free(it->bytes);
    *it = (buffer){0};
}

// MARK: The BIO

static size_t at_most(size_t a, size_t b) { return a < b ? a : b; }

static int bio_read(void *bio, char *target, size_t size, size_t *count) {
    asyncio_tls *tls = ossl.BIO_get_data(bio);
    ossl.BIO_clear_flags(bio, BIO_FLAGS_RWS_RETRY);
    if (tls->kept.count) {
        *count = at_most(size, tls->kept.count);
        memcpy(target, tls->kept.bytes + tls->kept.start, *count);
        tls->kept.start += *count;
        tls->kept.count -= *count;
        if (!tls->kept.count) release(&tls->kept);
        return 1;
    }
    if (tls->input_count) {
        *count = at_most(size, tls->input_count);
        memcpy(target, tls->input, *count);
        tls->input += *count;
        tls->input_count -= *count;
        return 1;
    }
    *count = 0;
    ossl.BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY);
    return 0;
}

static int bio_write(void *bio, const char *bytes, size_t size, size_t *count) {
    asyncio_tls *tls = ossl.BIO_get_data(bio);
    ossl.BIO_clear_flags(bio, BIO_FLAGS_RWS_RETRY);
    *count = append(&tls->output, bytes, size) ? size : 0;
    return *count == size;
}

static long bio_control(void *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static void *bio_method;
static pthread_once_t bio_once = PTHREAD_ONCE_INIT;

static void make_bio_method(void) {
    void *method = ossl.BIO_meth_new(ossl.BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "swift-asyncio");
    if (!method) return;
    ossl.BIO_meth_set_read_ex(method, bio_read);
    ossl.BIO_meth_set_write_ex(method, bio_write);
    ossl.BIO_meth_set_ctrl(method, bio_control);
    bio_method = method;
}

// MARK: Making one

asyncio_tls *asyncio_tls_create(asyncio_tls_context *context, bool is_server, bool asks_choice) {
    ossl.ERR_clear_error();
    pthread_once(&bio_once, make_bio_method);
    asyncio_tls *tls = calloc(1, sizeof *tls);
    void *ssl = tls ? ossl.SSL_new(context->ctx) : NULL;
    void *bio = ssl && bio_method ? ossl.BIO_new(bio_method) : NULL;
    if (!bio || ossl.SSL_set_ex_data(ssl, 0, tls) != 1) {
        asyncio_tls_note_reason("out of memory");
        if (bio) ossl.BIO_free(bio);
        if (ssl) ossl.SSL_free(ssl);
        free(tls);
        return NULL;
    }
    ossl.BIO_set_data(bio, tls);
    ossl.BIO_set_init(bio, 1);
    ossl.SSL_set_bio(ssl, bio, bio);
    is_server ? ossl.SSL_set_accept_state(ssl) : ossl.SSL_set_connect_state(ssl);
    if (asyncio_virtual_time() != ASYNCIO_REAL_TIME) {
        // OpenSSL would read the thread's date, which can be virtual, but certificates are valid in the
        // machine's time.
        time_t date = (time_t)(asyncio_machine_time(CLOCK_REALTIME) / 1000000000);
        ossl.X509_VERIFY_PARAM_set_time(ossl.SSL_get0_param(ssl), date);
    }
    tls->ssl = ssl;
    tls->choice = asks_choice ? WANTS_CHOICE : NO_CHOICE;
    return tls;
}

void asyncio_tls_destroy(asyncio_tls *tls) {
    ossl.SSL_free(tls->ssl);
    if (tls->session) ossl.SSL_SESSION_free(tls->session);
    release(&tls->kept);
    release(&tls->output);
    free(tls->failure);
    free(tls);
}

bool asyncio_tls_set_server_name(asyncio_tls *tls, const char *name) {
    return ossl.SSL_ctrl(tls->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, (void *)name) == 1;
}

bool asyncio_tls_set_expected_host(asyncio_tls *tls, const char *host, bool is_address) {
    void *parameters = ossl.SSL_get0_param(tls->ssl);
    if (is_address) return ossl.X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1;
    ossl.X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return ossl.X509_VERIFY_PARAM_set1_host(parameters, host, 0) == 1;
}

// MARK: Bytes

void asyncio_tls_begin_input(asyncio_tls *tls, const void *bytes, size_t count) {
    tls->input = bytes;
    tls->input_count = count;
}

bool asyncio_tls_end_input(asyncio_tls *tls) {
    bool kept = !tls->input_count || append(&tls->kept, tls->input, tls->input_count);
    tls->input = NULL;
    tls->input_count = 0;
    return kept;
}

static int fail(asyncio_tls *tls) {
    asyncio_tls_note_reason("out of memory");
    tls->failure = strdup(asyncio_tls_reason());
    return ASYNCIO_TLS_FAILED;
}

/// The outcome of an OpenSSL call that did not succeed.
static int outcome(asyncio_tls *tls, int result) {
    switch (ossl.SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ: return ASYNCIO_TLS_WANTS_INPUT;
    case SSL_ERROR_ZERO_RETURN: return ASYNCIO_TLS_CLOSED;
    case SSL_ERROR_WANT_CLIENT_HELLO_CB: return ASYNCIO_TLS_WANTS_CHOICE;
    default: return fail(tls);
    }
}

/// Whether the connection has failed before. OpenSSL would not report the reason again.
static bool has_failed(asyncio_tls *tls) {
    ossl.ERR_clear_error();
    if (tls->failure) asyncio_tls_note_reason(tls->failure);
    return tls->failure != NULL;
}

int asyncio_tls_handshake(asyncio_tls *tls) {
    if (has_failed(tls)) return ASYNCIO_TLS_FAILED;
    int result = ossl.SSL_do_handshake(tls->ssl);
    return result == 1 ? ASYNCIO_TLS_DONE : outcome(tls, result);
}

int asyncio_tls_read(asyncio_tls *tls, void *bytes, size_t capacity, size_t *count) {
    *count = 0;
    if (has_failed(tls)) return ASYNCIO_TLS_FAILED;
    while (*count < capacity) {
        size_t got = 0;
        int result = ossl.SSL_read_ex(tls->ssl, (char *)bytes + *count, capacity - *count, &got);
        if (result != 1) return outcome(tls, result);
        *count += got;
    }
    return ASYNCIO_TLS_DONE;
}

int asyncio_tls_write(asyncio_tls *tls, const void *bytes, size_t count) {
    if (has_failed(tls)) return ASYNCIO_TLS_FAILED;
    // Reserve room for all records at once. Each record has at most 16 KiB of data and less than 100
    // additional bytes.
    if (!reserve(&tls->output, count + (count / 16384 + 1) * 100)) return fail(tls);
    size_t written = 0;
    int result = ossl.SSL_write_ex(tls->ssl, bytes, count, &written);
    return result == 1 ? ASYNCIO_TLS_DONE : outcome(tls, result);
}

int asyncio_tls_shutdown(asyncio_tls *tls) {
    if (has_failed(tls)) return ASYNCIO_TLS_FAILED;
    int result = ossl.SSL_shutdown(tls->ssl);
    return result >= 0 ? ASYNCIO_TLS_DONE : outcome(tls, result);
}

const void *asyncio_tls_output(const asyncio_tls *tls, size_t *count) {
    *count = tls->output.count;
    return tls->output.bytes;
}

void asyncio_tls_clear_output(asyncio_tls *tls) { release(&tls->output); }

// MARK: A choice by the server's name

/// Parses the client's server_name extension: a list with one host name.
static void find_name(asyncio_tls *tls) {
    const unsigned char *data;
    size_t count;
    tls->name = NULL;
    tls->name_count = 0;
    if (ossl.SSL_client_hello_get0_ext(tls->ssl, TLSEXT_TYPE_server_name, &data, &count) != 1) return;
    if (count < 5 || data[2] != 0) return;
    size_t length = (size_t)data[3] << 8 | data[4];
    if (length > count - 5 || memchr(data + 5, 0, length)) return;
    tls->name = data + 5;
    tls->name_count = length;
}

/// Runs before any part of the client's first message takes effect, so that one context does not accept a
/// ticket of another context.
int asyncio_tls_client_hello(void *ssl, int *alert, void *unused) {
    (void)unused;
    asyncio_tls *tls = ossl.SSL_get_ex_data(ssl, 0);
    switch (tls->choice) {
    case NO_CHOICE:
    case CHOSEN: return SSL_CLIENT_HELLO_SUCCESS;
    case WANTS_CHOICE: find_name(tls); return SSL_CLIENT_HELLO_RETRY;
    case REFUSED: *alert = SSL_AD_UNRECOGNIZED_NAME; return SSL_CLIENT_HELLO_ERROR;
    }
    return SSL_CLIENT_HELLO_ERROR;
}

const void *asyncio_tls_wanted_name(const asyncio_tls *tls, size_t *count) {
    *count = tls->name_count;
    return tls->name;
}

void asyncio_tls_choose(asyncio_tls *tls, asyncio_tls_context *context, bool refuses) {
    tls->choice = refuses ? REFUSED : CHOSEN;
    tls->name = NULL;
    tls->name_count = 0;
    if (!context || refuses) return;
    ossl.SSL_set_SSL_CTX(tls->ssl, context->ctx);
    // This setting is not copied with the context.
    ossl.SSL_set_verify(tls->ssl, context->verify_mode, NULL);
}

// MARK: Sessions

/// Called when OpenSSL has a session that the client can resume. Returns 1 to take ownership.
int asyncio_tls_keep_session(void *ssl, void *session) {
    asyncio_tls *tls = ossl.SSL_get_ex_data(ssl, 0);
    if (tls->session) ossl.SSL_SESSION_free(tls->session);
    tls->session = session;
    return 1;
}

void *asyncio_tls_take_session(asyncio_tls *tls) {
    void *session = tls->session;
    tls->session = NULL;
    if (session && !ossl.SSL_SESSION_is_resumable(session)) {
        ossl.SSL_SESSION_free(session);
        return NULL;
    }
    return session;
}

bool asyncio_tls_offer_session(asyncio_tls *tls, void *session) {
    return ossl.SSL_SESSION_is_resumable(session) && ossl.SSL_set_session(tls->ssl, session) == 1;
}

void asyncio_tls_session_free(void *session) { ossl.SSL_SESSION_free(session); }

int asyncio_tls_session_version(void *session) { return ossl.SSL_SESSION_get_protocol_version(session); }

bool asyncio_tls_was_resumed(const asyncio_tls *tls) { return ossl.SSL_session_reused(tls->ssl) == 1; }

// MARK: Facts

long asyncio_tls_verify_result(const asyncio_tls *tls) { return ossl.SSL_get_verify_result(tls->ssl); }

const char *asyncio_tls_verify_words(long result) { return ossl.X509_verify_cert_error_string(result); }

const char *asyncio_tls_version(const asyncio_tls *tls) { return ossl.SSL_get_version(tls->ssl); }

const char *asyncio_tls_cipher(const asyncio_tls *tls) {
    const void *cipher = ossl.SSL_get_current_cipher(tls->ssl);
    return cipher ? ossl.SSL_CIPHER_get_name(cipher) : NULL;
}

int asyncio_tls_cipher_bits(const asyncio_tls *tls) {
    const void *cipher = ossl.SSL_get_current_cipher(tls->ssl);
    return cipher ? ossl.SSL_CIPHER_get_bits(cipher, NULL) : 0;
}

const char *asyncio_tls_requested_name(const asyncio_tls *tls) { return ossl.SSL_get_servername(tls->ssl, 0); }

const void *asyncio_tls_alpn(const asyncio_tls *tls, size_t *count) {
    const unsigned char *bytes = NULL;
    unsigned length = 0;
    ossl.SSL_get0_alpn_selected(tls->ssl, &bytes, &length);
    *count = length;
    return bytes;
}

void *asyncio_tls_peer_certificate(const asyncio_tls *tls) { return ossl.SSL_get1_peer_certificate(tls->ssl); }
