//===-- OpenSSL 3, without its headers -------------------------------------===//
// The functions that TLS needs, which are found at run time. A program that does not use TLS does
// not need OpenSSL, and the package can be built without OpenSSL's headers and even without its
// library. The declarations are based on OpenSSL's manual pages. The ABI of libssl.so.3 and
// libcrypto.so.3 is stable for all versions of OpenSSL 3. OpenSSL's objects are opaque, so they
// have the type `void *` here.
//
// To add a function, add a line to one of the tables, and write `ossl.NAME(…)` where it is used.
#ifndef ASYNCIO_OPENSSL_H
#define ASYNCIO_OPENSSL_H

#include "include/platform.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

typedef int asyncio_password_callback(char *buffer, int size, int writing, void *context);

// X(result, name, (parameters))
#define ASYNCIO_LIBCRYPTO(X) \
    X(unsigned long, OpenSSL_version_num, (void)) \
    X(void, CRYPTO_free, (void *, const char *file, int line)) \
    X(void, ERR_clear_error, (void)) \
    X(unsigned long, ERR_peek_error, (void)) \
    X(unsigned long, ERR_peek_last_error, (void)) \
    X(const char *, ERR_reason_error_string, (unsigned long)) \
    X(int, BIO_get_new_index, (void)) \
    X(void *, BIO_meth_new, (int type, const char *name)) \
    X(int, BIO_meth_set_read_ex, (void *, int (*)(void *bio, char *, size_t, size_t *))) \
    X(int, BIO_meth_set_write_ex, (void *, int (*)(void *bio, const char *, size_t, size_t *))) \
    X(int, BIO_meth_set_ctrl, (void *, long (*)(void *bio, int, long, void *))) \
    X(void *, BIO_new, (const void *method)) \
    X(int, BIO_free, (void *)) \
    X(void, BIO_set_init, (void *, int)) \
    X(void, BIO_set_data, (void *, void *)) \
    X(void *, BIO_get_data, (void *)) \
    X(void, BIO_set_flags, (void *, int)) \
    X(void, BIO_clear_flags, (void *, int)) \
    X(void *, BIO_new_mem_buf, (const void *, int)) \
    X(const void *, BIO_s_mem, (void)) \
    X(long, BIO_ctrl, (void *, int, long, void *)) \
    X(int, BIO_read, (void *, void *, int)) \
    X(void *, PEM_read_bio_X509, (void *bio, void **, asyncio_password_callback *, void *)) \
    X(void *, PEM_read_bio_PrivateKey, (void *bio, void **, asyncio_password_callback *, void *)) \
    X(void, X509_free, (void *)) \
    X(void, EVP_PKEY_free, (void *)) \
    X(int, X509_STORE_add_cert, (void *store, void *certificate)) \
    X(const char *, X509_verify_cert_error_string, (long)) \
    X(int, X509_VERIFY_PARAM_set1_host, (void *, const char *, size_t)) \
    X(int, X509_VERIFY_PARAM_set1_ip_asc, (void *, const char *)) \
    X(void, X509_VERIFY_PARAM_set_hostflags, (void *, unsigned)) \
    X(int, X509_VERIFY_PARAM_set_flags, (void *, unsigned long)) \
    X(void, X509_VERIFY_PARAM_set_time, (void *, time_t)) \
    X(int, X509_VERIFY_PARAM_clear_flags, (void *, unsigned long)) \
    X(void *, X509_get_subject_name, (const void *)) \
    X(void *, X509_get_issuer_name, (const void *)) \
    X(int, X509_NAME_print_ex, (void *bio, const void *name, int indent, unsigned long flags)) \
    X(void *, X509_get_serialNumber, (void *)) \
    X(int, i2a_ASN1_INTEGER, (void *bio, const void *)) \
    X(const void *, X509_get0_notBefore, (const void *)) \
    X(const void *, X509_get0_notAfter, (const void *)) \
    X(int, ASN1_TIME_to_tm, (const void *, struct tm *)) \
    X(void *, X509_get_ext_d2i, (const void *, int nid, int *critical, int *index)) \
    X(int, OPENSSL_sk_num, (const void *)) \
    X(void *, OPENSSL_sk_value, (const void *, int)) \
    X(void *, GENERAL_NAME_get0_value, (const void *, int *type)) \
    X(void, GENERAL_NAMES_free, (void *)) \
    X(const unsigned char *, ASN1_STRING_get0_data, (const void *)) \
    X(int, ASN1_STRING_length, (const void *)) \
    X(int, i2d_X509, (const void *, unsigned char **))

#define ASYNCIO_LIBSSL(X) \
    X(const void *, TLS_client_method, (void)) \
    X(const void *, TLS_server_method, (void)) \
    X(void *, SSL_CTX_new, (const void *method)) \
    X(void, SSL_CTX_free, (void *)) \
    X(long, SSL_CTX_ctrl, (void *, int, long, void *)) \
    X(uint64_t, SSL_CTX_set_options, (void *, uint64_t)) \
    X(void, SSL_CTX_set_verify, (void *, int mode, void *callback)) \
    X(int, SSL_CTX_set_default_verify_paths, (void *)) \
    X(int, SSL_CTX_load_verify_dir, (void *, const char *)) \
    X(void *, SSL_CTX_get_cert_store, (const void *)) \
    X(void *, SSL_CTX_get0_param, (void *)) \
    X(int, SSL_CTX_use_certificate, (void *, void *)) \
    X(int, SSL_CTX_use_PrivateKey, (void *, void *)) \
    X(int, SSL_CTX_check_private_key, (const void *)) \
    X(int, SSL_CTX_add_client_CA, (void *, void *)) \
    X(int, SSL_CTX_set_cipher_list, (void *, const char *)) \
    X(int, SSL_CTX_set_ciphersuites, (void *, const char *)) \
    X(int, SSL_CTX_set_session_id_context, (void *, const unsigned char *, unsigned)) \
    X(int, SSL_CTX_set_alpn_protos, (void *, const unsigned char *, unsigned)) \
    X(void, SSL_CTX_set_alpn_select_cb, \
      (void *, int (*)(void *, const unsigned char **, unsigned char *, const unsigned char *, unsigned, void *), \
       void *)) \
    X(int, SSL_select_next_proto, \
      (unsigned char **, unsigned char *, const unsigned char *, unsigned, const unsigned char *, unsigned)) \
    X(void, SSL_CTX_sess_set_new_cb, (void *, int (*)(void *ssl, void *session))) \
    X(void, SSL_CTX_set_client_hello_cb, (void *, int (*)(void *ssl, int *alert, void *), void *)) \
    X(int, SSL_client_hello_get0_ext, (void *, unsigned type, const unsigned char **, size_t *)) \
    X(void *, SSL_new, (void *context)) \
    X(void, SSL_free, (void *)) \
    X(void, SSL_set_bio, (void *, void *, void *)) \
    X(int, SSL_set_ex_data, (void *, int, void *)) \
    X(void *, SSL_get_ex_data, (const void *, int)) \
    X(void, SSL_set_connect_state, (void *)) \
    X(void, SSL_set_accept_state, (void *)) \
    X(void *, SSL_set_SSL_CTX, (void *, void *)) \
    X(void, SSL_set_verify, (void *, int mode, void *callback)) \
    X(long, SSL_ctrl, (void *, int, long, void *)) \
    X(void *, SSL_get0_param, (void *)) \
    X(int, SSL_set_session, (void *, void *)) \
    X(int, SSL_session_reused, (const void *)) \
    X(int, SSL_SESSION_is_resumable, (const void *)) \
    X(int, SSL_SESSION_get_protocol_version, (const void *)) \
    X(void, SSL_SESSION_free, (void *)) \
    X(int, SSL_do_handshake, (void *)) \
    X(int, SSL_read_ex, (void *, void *, size_t, size_t *)) \
    X(int, SSL_write_ex, (void *, const void *, size_t, size_t *)) \
    X(int, SSL_shutdown, (void *)) \
    X(int, SSL_get_error, (const void *, int)) \
    X(long, SSL_get_verify_result, (const void *)) \
    X(const char *, SSL_get_version, (const void *)) \
    X(const void *, SSL_get_current_cipher, (const void *)) \
    X(const char *, SSL_CIPHER_get_name, (const void *)) \
    X(int, SSL_CIPHER_get_bits, (const void *, int *)) \
    X(const char *, SSL_get_servername, (const void *, int)) \
    X(void, SSL_get0_alpn_selected, (const void *, const unsigned char **, unsigned *)) \
    X(void *, SSL_get1_peer_certificate, (const void *))

typedef struct {
#define X(result, name, parameters) result(*name) parameters;
    ASYNCIO_LIBCRYPTO(X) ASYNCIO_LIBSSL(X)
#undef X
} asyncio_openssl;

/// The table of functions, which asyncio_openssl_load fills.
extern asyncio_openssl ossl;

struct asyncio_tls_context {
    void *ctx;
    int verify_mode;
    unsigned char *alpn;
    unsigned alpn_count;
};

/// Records the first error of OpenSSL's queue, or `fallback`, as the reason for a failure.
void asyncio_tls_note_reason(const char *fallback);

// OpenSSL calls these functions in tls.c for the connections of a context.
int asyncio_tls_keep_session(void *ssl, void *session);
int asyncio_tls_client_hello(void *ssl, int *alert, void *unused);

#endif
