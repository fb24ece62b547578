//===-- Threads ------------------------------------------------------------===//
#ifndef ASYNCIO_THREADS_H
#define ASYNCIO_THREADS_H

#include "include/platform.h"

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

/// Starts a detached thread that runs `body(context)`. It does not block signals, because a process
/// started from a thread that blocks signals would block them too.
int asyncio_thread_start(const char *name, void (*body)(void *), void *context);
/// The same, but the thread has to be joined or detached once. Stores it in `thread`.
int asyncio_thread_start_joinable(const char *name, void (*body)(void *), void *context, uintptr_t *thread);
/// Waits until the thread has ended.
void asyncio_thread_join(uintptr_t thread);
void asyncio_thread_detach(uintptr_t thread);
/// The system's ID of the calling thread.
int asyncio_thread_number(void);
/// Waits for the semaphore for at most `timeout_ns`. Returns false after a timeout.
bool asyncio_semaphore_wait(sem_t *semaphore, int64_t timeout_ns);

#endif
