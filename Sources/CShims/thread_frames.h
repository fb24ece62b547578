//===-- The stacks of threads ----------------------------------------------===//
// The stacks consist of addresses without names. This code has no cost until it is used.
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

/// Returns the calling thread.
asyncio_thread_place asyncio_this_thread(void);
/// Finds the return addresses of another thread, innermost first. The functions that await the
/// running async function come last, starting at index `*first_async`. Returns the number of
/// addresses, or 0 if the thread could not be inspected. A thread in a system call is not
/// disturbed. A computing thread receives a signal that no other code uses. Only one thread at a
/// time can call this function.
int asyncio_thread_frames(
    asyncio_thread_place place, uintptr_t *frames, int capacity, int *first_async);

/// Finds the return addresses of the calling thread, innermost first.
int asyncio_own_frames(uintptr_t *frames, int capacity);

#endif
