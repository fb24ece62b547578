//===-- The machine's time, and virtual time ---------------------------------===//
// This code is in C, because the libc functions that the module AsyncIOTesting replaces read these
// variables, and because Swift has no thread-local variables.
//
// A loop in virtual time stores its time in a variable of its thread. AsyncIOTesting replaces
// `clock_gettime` and similar functions with functions that return this time. The library itself needs real
// time for reports and limits, so it reads the machine's clock through a pointer. AsyncIOTesting sets this
// pointer to the function that it has replaced.
#ifndef ASYNCIO_CLOCK_H
#define ASYNCIO_CLOCK_H

#include "include/platform.h"

#include <stdint.h>
#include <time.h>

typedef int asyncio_clock_function(clockid_t clock, struct timespec *time);

// The machine's `clock_gettime`. This variable is set at load time, before there is a second thread.
extern asyncio_clock_function *asyncio_machine_clock;

/// Returns the machine's time in nanoseconds, even on a thread in virtual time. The call cannot fail for
/// the clocks that the library reads.
static inline int64_t asyncio_machine_time(clockid_t clock) {
    struct timespec time = {0, 0};
    asyncio_machine_clock(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/// Returns the machine's time on the clock that `ContinuousClock` uses.
static inline int64_t asyncio_machine_continuous_time(void) { return asyncio_machine_time(CLOCK_BOOTTIME); }

/// The first variable is the time of a thread that runs a loop in virtual time, in nanoseconds on the clock
/// of `ContinuousClock`, or `ASYNCIO_REAL_TIME`. The second variable is the number of nanoseconds to add to
/// this time to get the date, in nanoseconds since 1970.
static const int64_t ASYNCIO_REAL_TIME = INT64_MIN;
extern __thread int64_t asyncio_thread_virtual_time __attribute__((tls_model("initial-exec")));
extern __thread int64_t asyncio_thread_virtual_epoch __attribute__((tls_model("initial-exec")));

static inline int64_t asyncio_virtual_time(void) { return asyncio_thread_virtual_time; }
static inline int64_t asyncio_virtual_epoch(void) { return asyncio_thread_virtual_epoch; }
static inline void asyncio_set_virtual_time(int64_t time) { asyncio_thread_virtual_time = time; }
static inline void asyncio_set_virtual_epoch(int64_t epoch) { asyncio_thread_virtual_epoch = epoch; }

#endif
