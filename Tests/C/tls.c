#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE = 40000 };

static unsigned char *load(const char *variable, size_t *count) {
    const char *path = getenv(variable);
    FILE *file = path ? fopen(path, "rb") : NULL;
    if (!file) return NULL;
    unsigned char *bytes = malloc(65536);
    *count = fread(bytes, 1, 65536, file);
    fclose(file);
    return bytes;
}

/// Moves what one side has produced to the other, in parts.
static void deliver(asyncio_tls *from, asyncio_tls *to, size_t part, void (*then)(asyncio_tls *)) {
    size_t count;
    const unsigned char *output = asyncio_tls_output(from, &count);
    if (count == 0) return;
    // The exact size, so that reading beyond it is noticed.
    unsigned char *copy = malloc(count);
    memcpy(copy, output, count);
    asyncio_tls_clear_output(from);
    for (size_t at = 0; at < count; at += part) {
        asyncio_tls_begin_input(to, copy + at, count - at < part ? count - at : part);
        then(to);
        CHECK(asyncio_tls_end_input(to));
    }
    free(copy);
}

static asyncio_tls_context *server_context;
static bool chose;

static void shake(asyncio_tls *tls) {
    int outcome = asyncio_tls_handshake(tls);
    if (outcome == ASYNCIO_TLS_WANTS_CHOICE) {
        size_t count;
        const void *name = asyncio_tls_wanted_name(tls, &count);
        chose = count == 9 && memcmp(name, "localhost", 9) == 0;
        asyncio_tls_choose(tls, server_context, false);
        outcome = asyncio_tls_handshake(tls);
    }
    if (!CHECK(outcome == ASYNCIO_TLS_DONE || outcome == ASYNCIO_TLS_WANTS_INPUT)) puts(asyncio_tls_reason());
}

static size_t received;
static unsigned char message[MESSAGE];

static void receive(asyncio_tls *tls) {
    unsigned char *plain = malloc(1000);
    while (true) {
        size_t count;
        int outcome = asyncio_tls_read(tls, plain, 1000, &count);
        CHECK(received + count <= MESSAGE && memcmp(plain, message + received, count) == 0);
        received += count;
        if (outcome != ASYNCIO_TLS_DONE) break;
    }
    free(plain);
}

static void fail(asyncio_tls *tls) {
    size_t count;
    char byte;
    if (asyncio_tls_handshake(tls) == ASYNCIO_TLS_FAILED) {
        CHECK(asyncio_tls_reason()[0] != 0);
        CHECK(asyncio_tls_read(tls, &byte, 1, &count) == ASYNCIO_TLS_FAILED);
        CHECK(asyncio_tls_write(tls, "a", 1) == ASYNCIO_TLS_FAILED);
        CHECK(asyncio_tls_shutdown(tls) == ASYNCIO_TLS_FAILED);
    }
}

static int names_seen;

static void see_name(void *context, int type, const void *bytes, size_t count) {
    CHECK(context == &names_seen);
    if (type == 2) CHECK(count == 9 && memcmp(bytes, "localhost", 9) == 0);
    if (type == 7) CHECK(count == 4);
    names_seen += 1;
}

static void check_certificate(void *certificate) {
    static const int texts[] = {
        ASYNCIO_CERTIFICATE_SUBJECT, ASYNCIO_CERTIFICATE_ISSUER, ASYNCIO_CERTIFICATE_SERIAL};
    for (int i = 0; i < 3; i++) {
        char *text = asyncio_certificate_text(certificate, texts[i]);
        CHECK(text && text[0] != 0 && (i == 2 || strcmp(text, "CN=localhost") == 0));
        free(text);
    }
    CHECK(asyncio_certificate_time(certificate, false) < asyncio_certificate_time(certificate, true));
    asyncio_certificate_names(certificate, &names_seen, see_name);
    CHECK(names_seen == 2);
    int length = asyncio_certificate_der(certificate, NULL);
    unsigned char *der = malloc((size_t)length);
    CHECK(length > 100 && asyncio_certificate_der(certificate, der) == length && der[0] == 0x30);
    free(der);
    asyncio_certificate_free(certificate);
}

static void *converse(asyncio_tls_context *client_context, size_t part, int version, void *session) {
    CHECK(asyncio_tls_context_set_versions(client_context, version, version));
    asyncio_tls *client = asyncio_tls_create(client_context, false, false);
    asyncio_tls *server = asyncio_tls_create(server_context, true, true);
    if (!CHECK(client && server)) return NULL;
    CHECK(asyncio_tls_set_server_name(client, "localhost"));
    CHECK(asyncio_tls_set_expected_host(client, "127.0.0.1", true));
    CHECK(asyncio_tls_set_expected_host(client, "localhost", false));
    if (session) CHECK(asyncio_tls_offer_session(client, session));
    chose = false;
    shake(client);
    for (int round = 0; round < 5; round++) {
        deliver(client, server, part, shake);
        deliver(server, client, part, shake);
    }
    CHECK(chose && asyncio_tls_handshake(client) == ASYNCIO_TLS_DONE);
    CHECK(asyncio_tls_verify_result(client) == 0 && strcmp(asyncio_tls_verify_words(0), "ok") == 0);
    CHECK(strncmp(asyncio_tls_version(client), "TLSv1", 5) == 0);
    CHECK(asyncio_tls_cipher(client) && asyncio_tls_cipher_bits(client) >= 128);
    if (!session) CHECK(strcmp(asyncio_tls_requested_name(server), "localhost") == 0);
    CHECK(asyncio_tls_was_resumed(client) == (session != NULL));
    size_t count;
    const void *protocol = asyncio_tls_alpn(client, &count);
    CHECK(count == 2 && memcmp(protocol, "h2", 2) == 0);

    received = 0;
    CHECK(asyncio_tls_write(client, message, MESSAGE) == ASYNCIO_TLS_DONE);
    deliver(client, server, part, receive);
    CHECK(received == MESSAGE);
    // In TLS 1.3, this also delivers the session.
    received = 0;
    CHECK(asyncio_tls_write(server, message, 10) == ASYNCIO_TLS_DONE);
    deliver(server, client, part, receive);
    CHECK(received == 10);
    CHECK(asyncio_tls_shutdown(client) == ASYNCIO_TLS_DONE);
    deliver(client, server, part, receive);

    void *next = asyncio_tls_take_session(client);
    // A session of TLS 1.2 stays valid, and is not replaced.
    CHECK(next || (session && version == 0x0303));
    if (next) CHECK(asyncio_tls_session_version(next) == version);
    if (!session) {
        names_seen = 0;
        void *certificate = asyncio_tls_peer_certificate(client);
        if (CHECK(certificate)) check_certificate(certificate);
    }
    asyncio_tls_destroy(client);
    asyncio_tls_destroy(server);
    return next;
}

void check_tls(void) {
    size_t chain_count, key_count;
    unsigned char *chain = load("ASYNCIO_TEST_CERTIFICATE", &chain_count);
    unsigned char *key = load("ASYNCIO_TEST_KEY", &key_count);
    if (!chain || !key) {
        asyncio_skip("TLS", "no certificate");
        return;
    }
    const char *problem = asyncio_openssl_load();
    if (!CHECK(problem == NULL)) puts(problem);
    if (problem) return;
    for (int i = 0; i < MESSAGE; i++) message[i] = (unsigned char)(i * 31 >> 3);
    server_context = asyncio_tls_context_create(true);
    asyncio_tls_context *client_context = asyncio_tls_context_create(false);
    CHECK(asyncio_tls_context_use_chain(server_context, chain, chain_count) == 1);
    CHECK(!asyncio_tls_context_use_key(server_context, chain, chain_count, NULL));
    CHECK(asyncio_tls_context_use_key(server_context, key, key_count, "unused"));
    CHECK(asyncio_tls_context_use_chain(server_context, chain, chain_count / 2) == -1);
    CHECK(asyncio_tls_context_use_chain(server_context, chain, chain_count) == 1);
    CHECK(asyncio_tls_context_trust(server_context, chain, chain_count, true) == 1);
    CHECK(asyncio_tls_context_trust(client_context, chain, chain_count, false) == 1);
    CHECK(asyncio_tls_context_trust(client_context, "", 0, false) == 0);
    asyncio_tls_context_trust_system(client_context);
    CHECK(asyncio_tls_context_trust_directory(client_context, "/"));
    asyncio_tls_context_set_strict(client_context, true);
    asyncio_tls_context_set_strict(client_context, false);
    asyncio_tls_context_set_verify(server_context, ASYNCIO_TLS_VERIFY_NONE);
    CHECK(!asyncio_tls_context_set_ciphers(client_context, "no such cipher") && asyncio_tls_reason()[0]);
    CHECK(asyncio_tls_context_set_ciphers(client_context, "HIGH"));
    CHECK(asyncio_tls_context_set_cipher_suites(client_context, "TLS_AES_128_GCM_SHA256"));
    CHECK(asyncio_tls_context_set_alpn(server_context, "\10http/1.1\2h2", 12, true));
    CHECK(asyncio_tls_context_set_alpn(client_context, "", 0, false));
    CHECK(asyncio_tls_context_set_alpn(client_context, "\2h2", 3, false));

    static const int versions[] = {0x0303, 0x0304};
    static const size_t parts[] = {1 << 20, 1000, 1};
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 3; j++) {
            void *session = converse(client_context, parts[j], versions[i], NULL);
            if (!session) continue;
            void *next = converse(client_context, parts[j], versions[i], session);
            asyncio_tls_session_free(session);
            if (next) asyncio_tls_session_free(next);
        }
    }

    // Bytes that are not TLS.
    asyncio_tls *server = asyncio_tls_create(server_context, true, false);
    asyncio_tls_begin_input(server, message, 1000);
    fail(server);
    CHECK(asyncio_tls_end_input(server));
    asyncio_tls_destroy(server);
    // A server that refuses the name.
    server = asyncio_tls_create(server_context, true, true);
    asyncio_tls *client = asyncio_tls_create(client_context, false, false);
    asyncio_tls_set_server_name(client, "elsewhere");
    asyncio_tls_handshake(client);
    size_t count;
    const void *hello = asyncio_tls_output(client, &count);
    asyncio_tls_begin_input(server, hello, count);
    CHECK(asyncio_tls_handshake(server) == ASYNCIO_TLS_WANTS_CHOICE);
    asyncio_tls_choose(server, NULL, true);
    CHECK(asyncio_tls_handshake(server) == ASYNCIO_TLS_FAILED);
    CHECK(asyncio_tls_end_input(server));
    deliver(server, client, 1, fail);
    asyncio_tls_destroy(server);
    asyncio_tls_destroy(client);

    asyncio_tls_context_destroy(server_context);
    asyncio_tls_context_destroy(client_context);
    free(chain);
    free(key);
}
