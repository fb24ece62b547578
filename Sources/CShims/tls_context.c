// The settings that many connections share, in an SSL_CTX with modern, safe defaults. This file is
// in C, because OpenSSL calls back into it, and because all calls go through the table of
// openssl.h. Callbacks run inside OpenSSL, and must not start another call on the same connection.
#include "openssl.h"
#include "tls.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

// OpenSSL's numbers, which are part of its ABI.
enum {
    SSL_CTRL_MODE = 33,
    SSL_CTRL_SET_SESS_CACHE_MODE = 44,
    SSL_CTRL_CHAIN_CERT = 89,
    SSL_CTRL_CHAIN = 88,
    SSL_CTRL_SET_MIN_PROTO_VERSION = 123,
    SSL_CTRL_SET_MAX_PROTO_VERSION = 124,

    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER = 0x2,
    SSL_MODE_RELEASE_BUFFERS = 0x10,

    SSL_SESS_CACHE_CLIENT = 0x1,
    SSL_SESS_CACHE_NO_INTERNAL = 0x300,

    SSL_TLSEXT_ERR_OK = 0,
    SSL_TLSEXT_ERR_NOACK = 3,
    OPENSSL_NPN_NEGOTIATED = 1,

    TLS1_2_VERSION = 0x0303,

    X509_V_FLAG_X509_STRICT = 0x20,
    X509_V_FLAG_PARTIAL_CHAIN = 0x80000,
};
#define SSL_OP_NO_COMPRESSION ((uint64_t)1 << 17)
#define SSL_OP_CIPHER_SERVER_PREFERENCE ((uint64_t)1 << 22)
#define SSL_OP_NO_RENEGOTIATION ((uint64_t)1 << 30)

asyncio_tls_context *asyncio_tls_context_create(bool is_server) {
    ossl.ERR_clear_error();
    asyncio_tls_context *context = calloc(1, sizeof *context);
    if (!context) return NULL;
    void *ctx = ossl.SSL_CTX_new(is_server ? ossl.TLS_server_method() : ossl.TLS_client_method());
    if (!ctx) {
        asyncio_tls_note_reason("OpenSSL cannot create a context");
        free(context);
        return NULL;
    }
    context->ctx = ctx;
    ossl.SSL_CTX_ctrl(ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL);
    // As in Python's default contexts since version 3.13, any trusted certificate can end a chain,
    // not only a root certificate, and certificates must conform to RFC 5280.
    ossl.X509_VERIFY_PARAM_set_flags(ossl.SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_X509_STRICT);
    ossl.SSL_CTX_set_options(
        ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    // An idle connection frees its two buffers of 17 KiB.
    ossl.SSL_CTX_ctrl(ctx, SSL_CTRL_MODE, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS, NULL);
    if (is_server) {
        // A ticket is valid only for the context that issued it. A client that resumes with another
        // server name must not bypass the certificate that the name requires.
        static atomic_ulong counter;
        unsigned long identity = atomic_fetch_add(&counter, 1);
        ossl.SSL_CTX_set_session_id_context(ctx, (const unsigned char *)&identity, sizeof identity);
        ossl.SSL_CTX_set_client_hello_cb(ctx, asyncio_tls_client_hello, NULL);
    } else {
        ossl.SSL_CTX_ctrl(
            ctx, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL, NULL);
        ossl.SSL_CTX_sess_set_new_cb(ctx, asyncio_tls_keep_session);
        asyncio_tls_context_set_verify(context, ASYNCIO_TLS_VERIFY_PEER);
    }
    return context;
}

void asyncio_tls_context_destroy(asyncio_tls_context *context) {
    ossl.SSL_CTX_free(context->ctx);
    free(context->alpn);
    free(context);
}

bool asyncio_tls_context_set_versions(asyncio_tls_context *context, int minimum, int maximum) {
    return ossl.SSL_CTX_ctrl(context->ctx, SSL_CTRL_SET_MIN_PROTO_VERSION, minimum, NULL) == 1
        && ossl.SSL_CTX_ctrl(context->ctx, SSL_CTRL_SET_MAX_PROTO_VERSION, maximum, NULL) == 1;
}

static bool succeeded(int result, const char *fallback) {
    if (result == 1) return true;
    asyncio_tls_note_reason(fallback);
    return false;
}

bool asyncio_tls_context_set_ciphers(asyncio_tls_context *context, const char *list) {
    ossl.ERR_clear_error();
    return succeeded(ossl.SSL_CTX_set_cipher_list(context->ctx, list), "no cipher match");
}

bool asyncio_tls_context_set_cipher_suites(asyncio_tls_context *context, const char *list) {
    ossl.ERR_clear_error();
    return succeeded(ossl.SSL_CTX_set_ciphersuites(context->ctx, list), "no cipher match");
}

// MARK: ALPN

/// Chooses the server's first protocol that the client also supports. The lack of a common protocol
/// is not an error.
static int select_alpn(
    void *ssl, const unsigned char **chosen, unsigned char *length, const unsigned char *offered, unsigned count,
    void *argument) {
    (void)ssl;
    asyncio_tls_context *context = argument;
    int result = ossl.SSL_select_next_proto(
        (unsigned char **)chosen, length, context->alpn, context->alpn_count, offered, count);
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

bool asyncio_tls_context_set_alpn(asyncio_tls_context *context, const void *list, size_t count, bool is_server) {
    unsigned char *copy = malloc(count ? count : 1);
    if (!copy) return false;
    if (count) memcpy(copy, list, count);
    free(context->alpn);
    context->alpn = copy;
    context->alpn_count = (unsigned)count;
    if (is_server) {
        ossl.SSL_CTX_set_alpn_select_cb(context->ctx, count ? select_alpn : NULL, context);
        return true;
    }
    // This function returns 0 for success.
    return ossl.SSL_CTX_set_alpn_protos(context->ctx, copy, (unsigned)count) == 0;
}

// MARK: Trust

void asyncio_tls_context_set_verify(asyncio_tls_context *context, int mode) {
    context->verify_mode = mode;
    ossl.SSL_CTX_set_verify(context->ctx, mode, NULL);
}

void asyncio_tls_context_set_strict(asyncio_tls_context *context, bool strict) {
    void *parameters = ossl.SSL_CTX_get0_param(context->ctx);
    if (strict) ossl.X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_X509_STRICT);
    else ossl.X509_VERIFY_PARAM_clear_flags(parameters, X509_V_FLAG_X509_STRICT);
}

bool asyncio_tls_context_trust_system(asyncio_tls_context *context) {
    ossl.ERR_clear_error();
    return succeeded(ossl.SSL_CTX_set_default_verify_paths(context->ctx), "the system's certificates cannot be read");
}

bool asyncio_tls_context_trust_directory(asyncio_tls_context *context, const char *path) {
    ossl.ERR_clear_error();
    return succeeded(ossl.SSL_CTX_load_verify_dir(context->ctx, path), "the directory cannot be used");
}

/// Whether the text ended, rather than containing an invalid block.
static bool reached_end(void) {
    enum { ERR_LIB_PEM = 9, PEM_R_NO_START_LINE = 108 };
    unsigned long error = ossl.ERR_peek_last_error();
    return ((error >> 23) & 0xff) == ERR_LIB_PEM && (error & 0x7fffff) == PEM_R_NO_START_LINE;
}

/// Returns the password, and never asks for it on the terminal.
static int give_password(char *buffer, int size, int writing, void *password) {
    (void)writing;
    size_t length = password ? strlen(password) : 0;
    if (length == 0 || length > (size_t)size) return -1;
    memcpy(buffer, password, length);
    return (int)length;
}

/// Passes each certificate of `pem` to `use`. Returns -1 if a certificate is invalid or rejected.
static int each_certificate(
    asyncio_tls_context *context, const void *pem, size_t count, bool flag,
    bool (*use)(asyncio_tls_context *, void *certificate, int index, bool flag)) {
    ossl.ERR_clear_error();
    void *bio = ossl.BIO_new_mem_buf(pem, (int)count);
    if (!bio) return -1;
    int index = 0;
    bool good = true;
    void *certificate;
    while (good && (certificate = ossl.PEM_read_bio_X509(bio, NULL, give_password, NULL))) {
        good = use(context, certificate, index, flag);
        ossl.X509_free(certificate);
        index += 1;
    }
    good = good && reached_end();
    ossl.BIO_free(bio);
    if (!good) asyncio_tls_note_reason("a certificate cannot be read");
    ossl.ERR_clear_error();
    return good ? index : -1;
}

static bool trust_one(asyncio_tls_context *context, void *certificate, int index, bool names_issuers) {
    (void)index;
    if (ossl.X509_STORE_add_cert(ossl.SSL_CTX_get_cert_store(context->ctx), certificate) != 1) return false;
    return !names_issuers || ossl.SSL_CTX_add_client_CA(context->ctx, certificate) == 1;
}

int asyncio_tls_context_trust(asyncio_tls_context *context, const void *pem, size_t count, bool names_issuers) {
    return each_certificate(context, pem, count, names_issuers, trust_one);
}

// MARK: The local certificate

static bool use_one(asyncio_tls_context *context, void *certificate, int index, bool unused) {
    (void)unused;
    if (index > 0) return ossl.SSL_CTX_ctrl(context->ctx, SSL_CTRL_CHAIN_CERT, 1, certificate) == 1;
    if (ossl.SSL_CTX_use_certificate(context->ctx, certificate) != 1) return false;
    return ossl.SSL_CTX_ctrl(context->ctx, SSL_CTRL_CHAIN, 0, NULL) == 1;
}

int asyncio_tls_context_use_chain(asyncio_tls_context *context, const void *pem, size_t count) {
    return each_certificate(context, pem, count, false, use_one);
}

bool asyncio_tls_context_use_key(
    asyncio_tls_context *context, const void *pem, size_t count, const char *password) {
    ossl.ERR_clear_error();
    void *bio = ossl.BIO_new_mem_buf(pem, (int)count);
    if (!bio) return false;
    void *key = ossl.PEM_read_bio_PrivateKey(bio, NULL, give_password, (void *)password);
    ossl.BIO_free(bio);
    bool good = key && ossl.SSL_CTX_use_PrivateKey(context->ctx, key) == 1
        && ossl.SSL_CTX_check_private_key(context->ctx) == 1;
    if (!good) asyncio_tls_note_reason("the key cannot be read");
    if (key) ossl.EVP_PKEY_free(key);
    return good;
}
