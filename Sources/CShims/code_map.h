//===-- The map of the program's code ---------------------------------------===//
// Not imported by Swift. Shared by runtime.c, which follows the contexts of suspended tasks, and
// thread_frames.c, which walks the stacks of threads.
#ifndef ASYNCIO_CODE_MAP_H
#define ASYNCIO_CODE_MAP_H

#include "include/platform.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// For functions that read a stack or code directly from memory, which sanitizers would report.
#if defined(__clang__)
#define AS_IT_LIES __attribute__((no_sanitize("address", "thread")))
#else
#define AS_IT_LIES
#endif

typedef struct {
    uintptr_t low, high;
    /// C and C++ libraries of the system and of Swift, which do not (or not always) keep frame
    /// pointers.
    bool is_system;
} asyncio_code_range;

/// Guards the map. A signal handler reads the map without the lock, while the thread that waits for
/// the handler holds it.
extern pthread_mutex_t asyncio_code_map_lock;

/// Reads memory of this process. An address outside of it is an error, not a crash.
bool asyncio_read_memory(uintptr_t address, void *out, size_t count);

/// Reads the map anew, under the lock.
void asyncio_code_map_read(void);
bool asyncio_code_map_is_empty(void);
/// The range of code that an address is in, or NULL. This and the next function can run in a signal
/// handler.
const asyncio_code_range *asyncio_code_range_of(uintptr_t address);
/// Whether the word can be a return address.
bool asyncio_is_return_address(uintptr_t word);

/// Whether all addresses are in code. Takes the lock.
bool asyncio_are_code(const uintptr_t *addresses, int count);

#endif
