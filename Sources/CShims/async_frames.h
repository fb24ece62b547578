//===-- The frames of async functions ---------------------------------------===//
// Not imported by Swift. What thread_frames.c needs of runtime.c.
#ifndef ASYNCIO_ASYNC_FRAMES_H
#define ASYNCIO_ASYNC_FRAMES_H

#include "include/platform.h"

#include <stdint.h>

/// The bit in the saved frame pointer that marks the frame of an async function, whose context is
/// in the word below.
//
// Relies on: the frames that the Swift compiler creates for debuggers. Checked by: WatchdogTests.
// Fails: the stack of a busy loop ends at the function that was called last, without those that
// await it.
static const uintptr_t ASYNC_FRAME = (uintptr_t)1 << 60;

/// Follows a context and its callers' contexts, and returns the number of functions that they
/// resume. Safe in a signal handler.
int asyncio_follow_contexts(uintptr_t context, uintptr_t *frames, int capacity);

#endif
