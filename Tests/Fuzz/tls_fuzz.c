// Coverage-guided fuzzing of the TLS code. Whatever the peer sends, the engine answers or fails,
// and every byte that it returns is one that the peer wrote. See run.sh.
//
// An input consists of one byte of flags, one byte for the size of the parts in which bytes arrive,
// and then
//
// - with FLAG_RAW, the bytes that the peer sends;
// - otherwise, changes to the bytes of an honest peer, with three bytes each: the distance from the
//   previous change (two bytes), and the value by which the byte is changed (0: the stream ends
//   there).
//
// TLSFuzzTests.swift reads the same inputs.
#include "../../Sources/CShims/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLAG_RAW = 1, FLAG_SERVER = 2, FLAG_CHOICE = 4, MESSAGE = 20000 };

static asyncio_tls_context *server_context, *client_context;
static unsigned char message[MESSAGE];

static unsigned char *load(const char *variable, size_t *count) {
    FILE *file = fopen(getenv(variable), "rb");
    if (!file) abort();
    static unsigned char bytes[65536];
    *count = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    return bytes;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    if (asyncio_openssl_load()) abort();
    server_context = asyncio_tls_context_create(true);
    client_context = asyncio_tls_context_create(false);
    size_t count;
    unsigned char *bytes = load("FUZZ_CERTIFICATE", &count);
    if (asyncio_tls_context_use_chain(server_context, bytes, count) < 1) abort();
    if (asyncio_tls_context_trust(client_context, bytes, count, false) < 1) abort();
    bytes = load("FUZZ_KEY", &count);
    if (!asyncio_tls_context_use_key(server_context, bytes, count, NULL)) abort();
    asyncio_tls_context_set_alpn(server_context, "\2h2", 3, true);
    asyncio_tls_context_set_alpn(client_context, "\2h2", 3, false);
    for (int i = 0; i < MESSAGE; i++) message[i] = (unsigned char)(i * 31 >> 3);
    return 0;
}

typedef struct {
    const uint8_t *changes;
    size_t count;
    size_t until; // the next change
    bool changed, ended;
} wire;

static void next_change(wire *w) {
    if (w->count < 3) {
        w->until = SIZE_MAX;
        return;
    }
    w->until = (size_t)w->changes[0] | (size_t)w->changes[1] << 8;
}

/// Advances an engine as far as possible, and records what it decrypts.
static void step(asyncio_tls *tls, unsigned char *received, size_t *count, bool *established) {
    unsigned char plain[5000];
    if (!*established) {
        int outcome = asyncio_tls_handshake(tls);
        if (outcome == ASYNCIO_TLS_WANTS_CHOICE) {
            size_t length;
            const unsigned char *name = asyncio_tls_wanted_name(tls, &length);
            volatile unsigned sum = 0;
            for (size_t i = 0; i < length; i++) sum += name[i];
            asyncio_tls_choose(tls, NULL, length > 40);
            outcome = asyncio_tls_handshake(tls);
        }
        if (outcome != ASYNCIO_TLS_DONE) return;
        *established = true;
        if (asyncio_tls_write(tls, message, MESSAGE) != ASYNCIO_TLS_DONE) return;
    }
    for (;;) {
        size_t got;
        int outcome = asyncio_tls_read(tls, plain, sizeof plain, &got);
        if (got > sizeof plain || *count + got > MESSAGE) abort();
        memcpy(received + *count, plain, got);
        *count += got;
        if (outcome != ASYNCIO_TLS_DONE) return;
    }
}

static bool deliver(asyncio_tls *from, asyncio_tls *to, wire *w, size_t part, unsigned char *received, size_t *count,
                    bool *established) {
    size_t length;
    const unsigned char *output = asyncio_tls_output(from, &length);
    if (!length) return false;
    unsigned char *bytes = malloc(length);
    memcpy(bytes, output, length);
    asyncio_tls_clear_output(from);
    if (w) {
        for (size_t at = 0; at < length && !w->ended; at++) {
            if (w->until-- != 0) continue;
            if (w->changes[2]) bytes[at] ^= w->changes[2];
            else length = at, w->ended = true;
            w->changed = true;
            w->changes += 3;
            w->count -= 3;
            next_change(w);
        }
        if (w->until != SIZE_MAX && w->count < 3) w->until = SIZE_MAX;
    }
    for (size_t at = 0; at < length; at += part) {
        asyncio_tls_begin_input(to, bytes + at, length - at < part ? length - at : part);
        step(to, received, count, established);
        if (!asyncio_tls_end_input(to)) abort();
    }
    free(bytes);
    return length > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    int flags = data[0];
    size_t part = data[1] ? data[1] : 100000;
    bool is_server = flags & FLAG_SERVER;
    asyncio_tls *it = asyncio_tls_create(is_server ? server_context : client_context, is_server, flags & FLAG_CHOICE && is_server);
    unsigned char received[MESSAGE], echoed[MESSAGE];
    size_t count = 0, peer_count = 0;
    bool established = false, peer_established = false;
    if (!is_server) {
        asyncio_tls_set_server_name(it, "localhost");
        asyncio_tls_set_expected_host(it, "localhost", false);
        step(it, received, &count, &established);
    }
    if (flags & FLAG_RAW) {
        for (size_t at = 2; at < size; at += part) {
            asyncio_tls_begin_input(it, data + at, size - at < part ? size - at : part);
            step(it, received, &count, &established);
            if (!asyncio_tls_end_input(it)) abort();
        }
        if (established) abort();
    } else {
        asyncio_tls *peer = asyncio_tls_create(is_server ? client_context : server_context, !is_server, false);
        if (is_server) {
            asyncio_tls_set_server_name(peer, "localhost");
            step(peer, echoed, &peer_count, &peer_established);
        }
        wire w = {.changes = data + 2, .count = size - 2};
        next_change(&w);
        while (deliver(peer, it, &w, part, received, &count, &established)
               | deliver(it, peer, NULL, part, echoed, &peer_count, &peer_established)) {
        }
        if (memcmp(received, message, count) != 0) abort();
        if (!w.changed && (count != MESSAGE || peer_count != MESSAGE)) abort();
        asyncio_tls_shutdown(peer);
        asyncio_tls_destroy(peer);
    }
    asyncio_tls_shutdown(it);
    asyncio_tls_destroy(it);
    return 0;
}
