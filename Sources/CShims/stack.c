// The limits of a thread's stack. In C, because Swift has neither thread-local variables nor the
// address of a frame. Must run on the thread that it looks at.
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
    // A main thread without a stack limit has no known end. This size is assumed for it.
    const size_t most = 64 << 20;
    uintptr_t end = (uintptr_t)start;
    if (size > most) {
        end += size - most;
        size = most;
    }
    asyncio_thread_stack_span = size / 4;
    // 1 if the stack is not known: no address is as low.
    asyncio_thread_stack_limit = size ? end + size / 4 : 1;
}
