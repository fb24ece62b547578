#define _GNU_SOURCE
#include "CShims.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// # Errors that leave the program
//
// The compiler makes the program call swift_errorInMain of the standard library with an error that
// its main function or its top-level code throws. The function here replaces it, because the
// executable's own definition takes precedence over those of shared libraries. If the standard
// library is linked statically, this one gives way, because it is weak. Such an error then traps,
// as it would without this library.

static void (*on_error_in_main)(const void *error) = NULL;

void asyncio_on_error_in_main(void (*handler)(const void *error)) { on_error_in_main = handler; }

__attribute__((weak)) ASYNCIO_SWIFTCALL void swift_errorInMain(void *error) {
    if (on_error_in_main) on_error_in_main(error);
    typedef ASYNCIO_SWIFTCALL void standard_librarys(void *error);
    standard_librarys *next = (standard_librarys *)dlsym(RTLD_NEXT, "swift_errorInMain");
    if (next) next(error);
    abort();
}

// # The task of an async main

static void *main_task = NULL;

void *asyncio_main_task(void) { return main_task; }
void asyncio_set_main_task(void *task) { main_task = task; }

// # Ending the process

void asyncio_last_words(const void *bytes, size_t count) {
    // Output that was printed before the error appears before it.
    fflush(NULL);
    const char *next = bytes;
    while (count > 0) {
        ssize_t written = write(STDERR_FILENO, next, count);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;
        next += written;
        count -= (size_t)written;
    }
}

void asyncio_exit(int status) { exit(status); }

void asyncio_die_of_interrupt(void) {
    fflush(NULL);
    signal(SIGINT, SIG_DFL);
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_UNBLOCK, &interrupt, NULL);
    kill(getpid(), SIGINT);
    // Not reached, unless this is the first process of a container, which is not ended by the
    // default action of a signal.
    _exit(128 + SIGINT);
}
