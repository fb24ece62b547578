//===-- Searching and prefetching memory -----------------------------------===//
#ifndef ASYNCIO_MEMORY_H
#define ASYNCIO_MEMORY_H

#include "include/platform.h"

#include <stddef.h>
#include <stdint.h>

/// memmem(3), which the C library declares only for GNU programs.
const void *asyncio_find(const void *bytes, size_t count, const void *wanted, size_t length);

// This function is in C, because Swift has no prefetch instruction. The address does not have to be
// valid.
static inline void asyncio_prefetch(uintptr_t address, int lines) {
    for (int line = 0; line < lines; line++) __builtin_prefetch((const char *)address + 64 * line);
}

#endif
