// Random numbers that a seed determines. This file is in C, because it defines functions of libc.
//
// `SystemRandomNumberGenerator`, which `Int.random(in:)` and `shuffled()` use, asks the kernel through libc's
// `syscall`. C code uses `getrandom` and `getentropy`. The dynamic linker looks for a function in the program
// before it looks in libc, so a program that links this module calls the functions in this file. A thread
// that has a seed gets the seed's numbers. All other calls go to the kernel.
#define _GNU_SOURCE
#include "CAsyncIOTesting.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static __thread asyncio_testing_random current;

asyncio_testing_random asyncio_testing_seed_random(asyncio_testing_random random) {
    asyncio_testing_random previous = current;
    current = random;
    return previous;
}

/// Returns the next number of SplitMix64, whose sequence is defined for every seed.
static uint64_t next_random(void) {
    uint64_t mixed = current.state += 0x9E3779B97F4A7C15;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB;
    return mixed ^ mixed >> 31;
}

static void fill(void *buffer, size_t count) {
    for (char *to = buffer; count > 0;) {
        uint64_t number = next_random();
        size_t part = count < sizeof number ? count : sizeof number;
        memcpy(to, &number, part);
        to += part;
        count -= part;
    }
}

// MARK: The kernel

static long ask_kernel(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    long result = x0;
#else
#error "swift-asyncio supports x86_64 and aarch64"
#endif
    if (result < 0 && result > -4096) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

// MARK: libc's functions

long syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
    long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    if (number == SYS_getrandom && current.is_seeded) {
        fill((void *)a, (size_t)b);
        return b;
    }
    return ask_kernel(number, a, b, c, d, e, f);
}

ssize_t getrandom(void *buffer, size_t count, unsigned flags) {
    return syscall(SYS_getrandom, buffer, count, (long)flags);
}

int getentropy(void *buffer, size_t count) {
    if (count > 256) {
        errno = EIO;
        return -1;
    }
    for (size_t done = 0; done < count;) {
        ssize_t part = getrandom((char *)buffer + done, count - done, 0);
        if (part < 0 && errno != EINTR) return -1;
        if (part > 0) done += (size_t)part;
    }
    return 0;
}
