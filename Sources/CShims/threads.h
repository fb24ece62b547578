//===-- Threads ------------------------------------------------------------===//
#ifndef ASYNCIO_THREADS_H
#define ASYNCIO_THREADS_H

#include "include/platform.h"

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

/// Starts a detached thread that runs `body(context)`. The thread does not block signals, because a
/// process that is started from a thread that blocks signals would also block them.
int asyncio_thread_start(const char *name, void (*body)(void *), void *context);
/// Starts a thread that must be joined or detached once. Stores the thread's handle in `thread`. If
/// `is_batch` is true, the thread has the policy SCHED_BATCH. If the system does not permit this
/// policy, the error is returned, and `body` is not called.
int asyncio_thread_start_joinable(
    const char *name, bool is_batch, void (*body)(void *), void *context, uintptr_t *thread);
/// Whether the calling thread was started with `is_batch`, and would have another policy otherwise.
bool asyncio_thread_is_batch(void);
/// Waits until the thread has ended.
void asyncio_thread_join(uintptr_t thread);
void asyncio_thread_detach(uintptr_t thread);
/// Returns the ID that the system has assigned to the calling thread.
int asyncio_thread_number(void);
/// Waits for the semaphore for at most `timeout_ns`. Returns false after a timeout.
bool asyncio_semaphore_wait(sem_t *semaphore, int64_t timeout_ns);

#endif
