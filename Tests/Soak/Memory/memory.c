#include "include/memory.h"

#include <malloc.h>

size_t soak_memory_in_use(void) {
    struct mallinfo2 all = mallinfo2();
    return all.uordblks + all.hblkhd;
}

void soak_trim_memory(void) { malloc_trim(0); }
