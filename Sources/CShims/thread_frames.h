//===-- The stacks of threads ----------------------------------------------===//
// As addresses without names. Nothing here costs the program anything until it is used.
#ifndef ASYNCIO_THREAD_FRAMES_H
#define ASYNCIO_THREAD_FRAMES_H

#include "include/platform.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/// A thread of this process that can be inspected.
typedef struct {
    pid_t thread;
    uintptr_t stack_low;
    uintptr_t stack_high;
} asyncio_thread_place;

/// The calling thread.
asyncio_thread_place asyncio_this_thread(void);
/// The return addresses of another thread, innermost first. The functions that await the running
/// async function come last, from index `*first_async` on. Returns their number; 0 if the thread
/// could not be inspected. A thread in a system call is not disturbed. A thread that computes gets
/// a signal that no other code uses. One caller at a time.
int asyncio_thread_frames(
    asyncio_thread_place place, uintptr_t *frames, int capacity, int *first_async);

/// The return addresses of the calling thread, innermost first.
int asyncio_own_frames(uintptr_t *frames, int capacity);

#endif
