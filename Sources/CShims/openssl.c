// Finds OpenSSL's functions at run time. This file is in C, because one macro can declare a table of
// a hundred function pointers. In Swift, each pointer would need its own cast. This code runs once,
// before any other TLS code.
#include "openssl.h"
#include "tls.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

asyncio_openssl ossl;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char problem[512];

/// Opens one of the two libraries. If the environment variable ASYNCIO_OPENSSL is set, the library
/// is opened from the directory that it names.
static void *open_library(const char *name) {
    const char *folder = getenv("ASYNCIO_OPENSSL");
    char path[4096];
    if (folder && *folder) {
        snprintf(path, sizeof path, "%s/%s", folder, name);
        name = path;
    }
    return dlopen(name, RTLD_NOW | RTLD_LOCAL);
}

static bool find(void *library, const char *name, void **function) {
    *function = dlsym(library, name);
    if (!*function) snprintf(problem, sizeof problem, "this OpenSSL has no %s; TLS needs OpenSSL 3.0 or later", name);
    return *function != NULL;
}

static void load(void) {
    void *crypto = open_library("libcrypto.so.3");
    void *ssl = crypto ? open_library("libssl.so.3") : NULL;
    if (!ssl) {
        snprintf(
            problem, sizeof problem,
            "TLS needs OpenSSL 3 (libssl.so.3), which cannot be loaded: %s; install it (apt install libssl3), or set "
            "ASYNCIO_OPENSSL to the directory that contains it",
            dlerror());
        return;
    }
#define X(result, name, parameters) \
    if (!find(crypto, #name, (void **)&ossl.name)) return;
    ASYNCIO_LIBCRYPTO(X)
#undef X
#define X(result, name, parameters) \
    if (!find(ssl, #name, (void **)&ossl.name)) return;
    ASYNCIO_LIBSSL(X)
#undef X
}

const char *asyncio_openssl_load(void) {
    pthread_once(&once, load);
    return problem[0] ? problem : NULL;
}

// MARK: Reasons

static __thread char reason[256];

void asyncio_tls_note_reason(const char *fallback) {
    unsigned long error = ossl.ERR_peek_error();
    const char *words = error ? ossl.ERR_reason_error_string(error) : NULL;
    snprintf(reason, sizeof reason, "%s", words ? words : fallback);
    ossl.ERR_clear_error();
}

const char *asyncio_tls_reason(void) { return reason; }
