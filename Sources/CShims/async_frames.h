//===-- The frames of async functions ---------------------------------------===//
// The functions of runtime.c that thread_frames.c needs. Swift does not import this header.
#ifndef ASYNCIO_ASYNC_FRAMES_H
#define ASYNCIO_ASYNC_FRAMES_H

#include "include/platform.h"

#include <stdint.h>

/// The bit in the saved frame pointer that marks the frame of an async function. The function's
/// context is in the word below the saved frame pointer.
//
// Relies on: the frames that the Swift compiler creates for debuggers. Checked by: WatchdogTests.
// Fails: the stack of a busy loop ends at the function that was called last, and the functions that
// await it are missing.
static const uintptr_t ASYNC_FRAME = (uintptr_t)1 << 60;

/// Follows a context and its callers' contexts, and returns the number of functions that they
/// resume. This function is safe in a signal handler.
int asyncio_follow_contexts(uintptr_t context, uintptr_t *frames, int capacity);

#endif
