// This file is in C, because the C library declares memmem only for GNU programs, and Swift's
// imports do not count as such.
#define _GNU_SOURCE
#include "memory.h"

#include <string.h>

const void *asyncio_find(const void *bytes, size_t count, const void *wanted, size_t length) {
    return memmem(bytes, count, wanted, length);
}
