// The limits of a thread's stack. This file is in C, because Swift has neither thread-local
// variables nor the address of a frame. The code must run on the thread whose stack it inspects.
#define _GNU_SOURCE
#include "stack.h"

#include <pthread.h>
#include <stddef.h>

__thread uintptr_t asyncio_thread_stack_limit __attribute__((tls_model("initial-exec"))) = 0;
__thread uintptr_t asyncio_thread_stack_span __attribute__((tls_model("initial-exec"))) = 0;

void asyncio_find_stack(void) {
    pthread_attr_t attributes;
    void *start = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &start, &size);
        pthread_attr_destroy(&attributes);
    }
    // If a main thread has no stack limit, the end of its stack is unknown. In that case, this size
    // is assumed.
    const size_t most = 64 << 20;
    uintptr_t end = (uintptr_t)start;
    if (size > most) {
        end += size - most;
        size = most;
    }
    asyncio_thread_stack_span = size / 4;
    // The limit is 1 if the stack is unknown, because no address is that low.
    asyncio_thread_stack_limit = size ? end + size / 4 : 1;
}
