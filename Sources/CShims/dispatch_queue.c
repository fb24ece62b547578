// Dispatch's main queue. This file is in C, because the functions are private to Dispatch, and a
// program may not contain Dispatch at all. Swift cannot declare a function that is allowed to be
// missing. These functions are called only on the process's first thread.
#define _GNU_SOURCE
#include "dispatch_queue.h"

#include <dlfcn.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

// Dispatch's interface for run loops that serve its main queue, such as Foundation's run loop. The
// declarations are weak, so that a program without Dispatch does not need it. The functions are
// also looked up by name. The Swift runtime depends on Dispatch, but the linker can leave out a
// library that the program itself does not use.
extern int _dispatch_get_main_queue_handle_4CF(void) __attribute__((weak));
extern void _dispatch_main_queue_callback_4CF(void *message) __attribute__((weak));

typedef int handle_getter(void);
typedef void drainer(void *message);

static void *named(const char *name, void *linked) { return linked ? linked : dlsym(RTLD_DEFAULT, name); }

static drainer *drain = NULL;

int asyncio_main_queue_descriptor(void) {
    static int descriptor = -1;
    if (descriptor >= 0) return descriptor;
    // Dispatch ends the process if it cannot create an eventfd, so first check whether this is
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
