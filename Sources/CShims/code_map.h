//===-- The map of the program's code ---------------------------------------===//
// This header is shared by runtime.c, which follows the contexts of suspended tasks, and
// thread_frames.c, which walks the stacks of threads. Swift does not import this header.
#ifndef ASYNCIO_CODE_MAP_H
#define ASYNCIO_CODE_MAP_H

#include "include/platform.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// An attribute for functions that read a stack or code directly from memory. Without it,
/// sanitizers would report these reads.
#if defined(__clang__)
#define AS_IT_LIES __attribute__((no_sanitize("address", "thread")))
#else
#define AS_IT_LIES
#endif

typedef struct {
    uintptr_t low, high;
    /// Whether the code belongs to a C or C++ library of the system or of Swift. Such libraries do
    /// not always keep frame pointers.
    bool is_system;
} asyncio_code_range;

/// The lock that guards the map. A signal handler reads the map without taking the lock, because
/// the thread that waits for the handler holds it.
extern pthread_mutex_t asyncio_code_map_lock;

/// Reads memory of this process. An address outside of this memory causes an error, not a crash.
bool asyncio_read_memory(uintptr_t address, void *out, size_t count);

/// Reads the map again. The caller must hold the lock.
void asyncio_code_map_read(void);
bool asyncio_code_map_is_empty(void);
/// Returns the range of code that contains an address, or NULL. This function and the next function
/// can run in a signal handler.
const asyncio_code_range *asyncio_code_range_of(uintptr_t address);
/// Whether the word can be a return address.
bool asyncio_is_return_address(uintptr_t word);

/// Whether all addresses are in code. This function takes the lock.
bool asyncio_are_code(const uintptr_t *addresses, int count);

#endif
