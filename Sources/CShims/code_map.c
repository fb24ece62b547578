// A map that shows which addresses are code, and which code belongs to the system. This file is in
// C, because a signal handler reads the map through thread_frames.c. A lookup must not allocate
// memory or take a lock, so the map is a plain array.
#define _GNU_SOURCE
#include "code_map.h"

#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

// The kernel copies the memory, so an address outside of this process's memory causes an error, not
// a crash.
bool asyncio_read_memory(uintptr_t address, void *out, size_t count) {
    struct iovec to = {.iov_base = out, .iov_len = count};
    struct iovec from = {.iov_base = (void *)address, .iov_len = count};
    return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)count;
}


enum { MAX_RANGES = 512 };
static asyncio_code_range ranges[MAX_RANGES];
static int range_count;
pthread_mutex_t asyncio_code_map_lock = PTHREAD_MUTEX_INITIALIZER;

bool asyncio_code_map_is_empty(void) { return range_count == 0; }

void asyncio_code_map_read(void) {
    range_count = 0;
    FILE *file = fopen("/proc/self/maps", "re");
    if (file == NULL) return;
    char line[4096];
    while (range_count < MAX_RANGES && fgets(line, sizeof line, file) != NULL) {
        unsigned long low, high;
        char mode[5], path[4096] = "";
        if (sscanf(line, "%lx-%lx %4s %*s %*s %*s %4095s", &low, &high, mode, path) < 3) continue;
        if (mode[2] != 'x') continue;
        static const char *const libraries[] = {
            "/libc.so", "/libc-", "/ld-linux", "/libpthread", "/libm.so", "/libstdc++", "/libgcc_s",
            "/libswiftCore", "/libswift_Concurrency", "/libdispatch", "[vdso]",
        };
        bool is_system = false;
        for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
            if (strstr(path, libraries[i])) is_system = true;
        ranges[range_count++] = (asyncio_code_range){low, high, is_system};
    }
    fclose(file);
}

const asyncio_code_range *asyncio_code_range_of(uintptr_t address) {
    for (int i = 0; i < range_count; i++)
        if (address >= ranges[i].low && address < ranges[i].high) return &ranges[i];
    return NULL;
}

AS_IT_LIES bool asyncio_is_return_address(uintptr_t word) {
    const asyncio_code_range *range = asyncio_code_range_of(word);
    if (range == NULL || word < range->low + 8) return false;
#if defined(__x86_64__)
    const unsigned char *end = (const unsigned char *)word;
    if (end[-5] == 0xe8) return true;
    for (int length = 2; length <= 7; length++)
        if (end[-length] == 0xff && (end[1 - length] & 0x38) == 0x10) return true;
    return false;
#elif defined(__aarch64__)
    if (word % 4 != 0) return false;
    uint32_t before = *(const uint32_t *)(word - 4);
    return (before & 0xfc000000) == 0x94000000 || (before & 0xfffffc1f) == 0xd63f0000;
#else
    return false;
#endif
}

bool asyncio_are_code(const uintptr_t *addresses, int count) {
    pthread_mutex_lock(&asyncio_code_map_lock);
    bool has_read = range_count == 0;
    if (has_read) asyncio_code_map_read();
    bool result = true;
    for (int i = 0; i < count && result; i++) {
        result = asyncio_code_range_of(addresses[i]) != NULL;
        if (result || has_read) continue;
        // A library may have been loaded since the map was read.
        has_read = true;
        asyncio_code_map_read();
        result = asyncio_code_range_of(addresses[i]) != NULL;
    }
    pthread_mutex_unlock(&asyncio_code_map_lock);
    return result;
}
