// The pulse of a loop. This file is in C, because two threads access the same memory with plain
// moves and a barrier whose cost falls on only one of them. Swift's atomics cannot express this.
// The loop's side is inline in pulse.h, and uses no calls and no locked instructions.
#define _GNU_SOURCE
#include "pulse.h"

#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// The pulse has its own cache line, because the loop writes to it in each step, and adjacent memory
// may belong to another loop. Swift does not import a type with this alignment.
enum { CACHE_LINE = 64 };
_Static_assert(sizeof(asyncio_pulse) <= CACHE_LINE, "a pulse has the size of a cache line at most");

asyncio_pulse *asyncio_pulse_make(void) {
    void *pulse = aligned_alloc(CACHE_LINE, CACHE_LINE);
    return pulse ? memset(pulse, 0, CACHE_LINE) : NULL;
}
void asyncio_pulse_free(asyncio_pulse *pulse) { free(pulse); }

bool asyncio_barrier_for_all(void) {
    static bool is_registered = false;
    if (!is_registered) {
        if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0) return false;
        is_registered = true;
    }
    return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
}
