// Dispatch's main queue. In C, because the functions are private to Dispatch, which a program may
// not contain at all: Swift cannot declare a function that is allowed to be missing. Called only on
// the process's first thread.
#define _GNU_SOURCE
#include "dispatch_queue.h"

#include <dlfcn.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

// Dispatch's interface for run loops that serve its main queue, as Foundation's does. The
// declarations are weak, so that a program without Dispatch does not need it. The functions are
// also looked up by name, because the linker can leave out a library that the program does not name
// itself (the Swift runtime brings Dispatch along).
extern int _dispatch_get_main_queue_handle_4CF(void) __attribute__((weak));
extern void _dispatch_main_queue_callback_4CF(void *message) __attribute__((weak));

typedef int handle_getter(void);
typedef void drainer(void *message);

static void *named(const char *name, void *linked) { return linked ? linked : dlsym(RTLD_DEFAULT, name); }

static drainer *drain = NULL;

int asyncio_main_queue_descriptor(void) {
    static int descriptor = -1;
    if (descriptor >= 0) return descriptor;
    // Dispatch ends the process if it cannot create an eventfd, so check first whether that is
    // possible.
    int room = eventfd(0, EFD_CLOEXEC);
    if (room < 0) return -1;
    close(room);
    handle_getter *handle = (handle_getter *)named(
        "_dispatch_get_main_queue_handle_4CF", (void *)_dispatch_get_main_queue_handle_4CF);
    drain = (drainer *)named("_dispatch_main_queue_callback_4CF", (void *)_dispatch_main_queue_callback_4CF);
    if (handle && drain) descriptor = handle();
    return descriptor;
}

void asyncio_main_queue_drain(void) {
    if (drain) drain(NULL);
}
