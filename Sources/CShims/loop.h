//===-- What a thread knows about loops ------------------------------------===//
// This code is in C, because Swift has no thread-local variables. Inline functions read all
// variables, at the cost of one load.
#ifndef ASYNCIO_LOOP_H
#define ASYNCIO_LOOP_H

#include "include/platform.h"

#include <stdbool.h>

// The event loop that is running on the thread, or NULL. Every entry point of the library reads
// this word first.
extern __thread void *asyncio_thread_loop __attribute__((tls_model("initial-exec")));

static inline void *asyncio_loop_get(void) { return asyncio_thread_loop; }
static inline void asyncio_loop_set(void *loop) { asyncio_thread_loop = loop; }

// Whether this thread will run an async main function whose loop does not exist yet.
extern __thread bool asyncio_thread_awaits_main __attribute__((tls_model("initial-exec")));

static inline bool asyncio_awaits_main(void) { return asyncio_thread_awaits_main; }
static inline void asyncio_set_awaits_main(bool awaits) { asyncio_thread_awaits_main = awaits; }

// Whether a loop was closed before all of its tasks had ended; see AbandonedTasks.swift. This
// variable is shared by all threads. It is in C, so that code can read it without checking whether
// it is initialized.
extern bool asyncio_abandoned;
static inline bool asyncio_has_abandoned_tasks(void) { return __atomic_load_n(&asyncio_abandoned, __ATOMIC_RELAXED); }
static inline void asyncio_set_has_abandoned_tasks(void) { __atomic_store_n(&asyncio_abandoned, true, __ATOMIC_RELAXED); }

// Whether a loop of the process runs in debug mode; see Ownership.swift. This variable is read in
// each wait.
extern bool asyncio_ownership_checked;
static inline bool asyncio_checks_ownership(void) { return __atomic_load_n(&asyncio_ownership_checked, __ATOMIC_RELAXED); }
static inline void asyncio_set_checks_ownership(void) { __atomic_store_n(&asyncio_ownership_checked, true, __ATOMIC_RELAXED); }

#endif
