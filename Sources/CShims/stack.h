//===-- How much of the stack is left --------------------------------------===//
#ifndef ASYNCIO_STACK_H
#define ASYNCIO_STACK_H

#include "include/platform.h"

#include <stdbool.h>
#include <stdint.h>

// These variables describe the last quarter of this thread's stack, which ends at `limit` and has
// `span` bytes. Both variables are 0 until they are needed.
extern __thread uintptr_t asyncio_thread_stack_limit __attribute__((tls_model("initial-exec")));
extern __thread uintptr_t asyncio_thread_stack_span __attribute__((tls_model("initial-exec")));
void asyncio_find_stack(void);

// Whether less than a quarter of the stack is left. The result is false on a stack that does not
// belong to the thread.
static inline bool asyncio_stack_is_low(void) {
    if (__builtin_expect(asyncio_thread_stack_limit == 0, 0)) asyncio_find_stack();
    return asyncio_thread_stack_limit - (uintptr_t)__builtin_frame_address(0) <= asyncio_thread_stack_span;
}

#endif
