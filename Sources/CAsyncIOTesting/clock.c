// The clocks of a thread in virtual time. This file is in C, because it defines functions of libc.
//
// `ContinuousClock`, `SuspendingClock`, `Date()`, `DispatchTime.now()`, and all clocks that C code reads call the
// functions in this file. The dynamic linker looks for a function in the program before it looks in libc. Therefore,
// in a program that links this module, all libraries call the functions in this file. libc itself does not call them.
//
// A thread that runs a loop in virtual time gets the loop's time; see clock.h in CShims. A thread that follows such a
// loop also gets the loop's time; see timers.c. All other threads get the machine's time, at the cost of one more call
// and two loads.
#define _GNU_SOURCE
#include "following.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

// MARK: The machine's clock

static int ask_kernel(clockid_t clock, struct timespec *time) { return (int)syscall(SYS_clock_gettime, clock, time); }

static asyncio_clock_function *machine_clock;

/// Finds libc's function, which reads the clock without a system call. A program that is linked with a static libc has
/// no such function, and asks the kernel instead.
static asyncio_clock_function *find_machine_clock(void) {
    asyncio_clock_function *found = (asyncio_clock_function *)dlsym(RTLD_NEXT, "clock_gettime");
    machine_clock = found ? found : ask_kernel;
    return machine_clock;
}

// This constructor runs before other constructors, which may start threads.
__attribute__((constructor(101))) static void use_machine_clock(void) { asyncio_machine_clock = find_machine_clock(); }

static inline int read_machine(clockid_t clock, struct timespec *time) {
    asyncio_clock_function *read = machine_clock;
    return (read ? read : find_machine_clock())(clock, time);
}

// MARK: Virtual time

enum { SECOND = 1000000000 };

static inline bool is_virtual(void) { return thread_time() != ASYNCIO_REAL_TIME; }

static struct timespec split(int64_t nanoseconds) {
    struct timespec time = {nanoseconds / SECOND, nanoseconds % SECOND};
    if (time.tv_nsec < 0) {
        time.tv_sec -= 1;
        time.tv_nsec += SECOND;
    }
    return time;
}

// The time for which the machine was suspended. This is the difference between two of the machine's clocks.
static int64_t suspended_time;

__attribute__((constructor(102))) static void note_suspended_time(void) {
    suspended_time = asyncio_machine_time(CLOCK_BOOTTIME) - asyncio_machine_time(CLOCK_MONOTONIC);
}

int64_t asyncio_testing_monotonic_time(void) { return thread_time() - suspended_time; }

static struct timespec virtual_date(void) { return split(thread_epoch() + thread_time()); }

static int read_clock(clockid_t clock, struct timespec *time) {
    if (!is_virtual()) return read_machine(clock, time);
    switch (clock) {
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE: *time = split(asyncio_testing_monotonic_time()); return 0;
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM: *time = split(thread_time()); return 0;
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_TAI: *time = virtual_date(); return 0;
    // All other clocks show the processor time of a process or a thread.
    default: return read_machine(clock, time);
    }
}

// The clock of a thread is set back when the thread returns to real time. Foundation's `Thread.sleep` computes the end
// of the sleep, and sleeps again until the clock has reached it. If the clock was set back during the sleep, that would
// take as long as the virtual time that had passed. Therefore, the first time that such a thread reads after the sleep
// is not set back.
//
// Relies on: `Thread.sleep` calls `nanosleep`, and then reads the clock once. Checked by: a test. Fails: a short sleep
// that begins at the end of a run in virtual time takes long.
static _Thread_local int64_t set_back;

static bool is_elapsed_time(clockid_t clock) {
    return clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_MONOTONIC_COARSE
        || clock == CLOCK_BOOTTIME;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int error = read_clock(clock, time);
    if (set_back != 0 && error == 0 && is_elapsed_time(clock)) {
        *time = split((int64_t)time->tv_sec * SECOND + time->tv_nsec + set_back);
        set_back = 0;
    }
    return error;
}

static bool is_in_foundation(const void *code) {
    Dl_info info;
    return dladdr(code, &info) != 0 && info.dli_fname && strstr(info.dli_fname, "libFoundation");
}

static struct timespec date(void) {
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_REALTIME, &now);
    return now;
}

// The declaration says that `now` is not null, but libc accepts null.
#pragma clang diagnostic ignored "-Wtautological-pointer-compare"
#pragma clang diagnostic ignored "-Wpointer-bool-conversion"
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec time = date();
    if (now) *now = (struct timeval){time.tv_sec, time.tv_nsec / 1000};
    if (zone) *(struct timezone *)zone = (struct timezone){0, 0};
    return 0;
}

time_t time(time_t *seconds) {
    time_t now = date().tv_sec;
    if (seconds) *seconds = now;
    return now;
}

int timespec_get(struct timespec *time, int base) {
    if (base != TIME_UTC) return 0;
    *time = date();
    return base;
}

// MARK: Blocking for some time

// If code blocks the thread of a loop in virtual time, the clock advances immediately. A thread that follows the loop
// waits until it has advanced.

static int sleep_on_machine(clockid_t clock, int flags, const struct timespec *time, struct timespec *rest) {
    // In libc, this function is a cancellation point for threads. Swift never cancels threads.
    return syscall(SYS_clock_nanosleep, clock, flags, time, rest) == 0 ? 0 : errno;
}

static bool is_valid(const struct timespec *time) {
    return time->tv_sec >= 0 && time->tv_nsec >= 0 && time->tv_nsec < SECOND;
}

/// Whether a sleep of this thread takes place in real time until its end. If the thread will follow a loop again, the
/// sleep continues on the clock of that loop.
static bool is_real(void) {
    bool is_paused = atomic_load_explicit(&asyncio_following_is_paused, memory_order_relaxed);
    return !is_virtual() && (!is_paused || asyncio_loop_get());
}

static int sleep_on_clock(
    clockid_t clock, int flags, const struct timespec *time, struct timespec *rest, const void *caller) {
    struct timespec now;
    set_back = 0;
    if (is_real() || read_clock(clock, &now) != 0 || !is_valid(time))
        return sleep_on_machine(clock, flags, time, rest);
    int64_t duration = (int64_t)time->tv_sec * SECOND + time->tv_nsec;
    if (flags & TIMER_ABSTIME)
        duration -= (int64_t)now.tv_sec * SECOND + now.tv_nsec;
    else if (duration == 0)
        // On the machine, each sleep takes some time. A caller that sleeps until its clock has reached a given time,
        // such as Foundation's `Thread.sleep`, relies on this when less than a nanosecond remains.
        duration = 1;
    if (is_follower() || !is_virtual()) {
        int64_t change = asyncio_testing_follow_for(duration);
        if (change > 0 && is_in_foundation(caller)) set_back = change;
        return 0;
    }
    asyncio_testing_pass_time(duration);
    return 0;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *rest) {
    return sleep_on_clock(clock, flags, time, rest, __builtin_return_address(0));
}

#if __has_feature(thread_sanitizer)
extern int __interceptor_nanosleep(const struct timespec *time, struct timespec *rest);
#endif

int nanosleep(const struct timespec *time, struct timespec *rest) {
#if __has_feature(thread_sanitizer)
    // ThreadSanitizer calls handlers of signals only from its own functions.
    if (is_real()) return __interceptor_nanosleep(time, rest);
#endif
    int error = sleep_on_clock(CLOCK_MONOTONIC, 0, time, rest, __builtin_return_address(0));
    if (error) errno = error;
    return error ? -1 : 0;
}

int usleep(useconds_t microseconds) {
    struct timespec time = {microseconds / 1000000, (long)(microseconds % 1000000) * 1000};
    return nanosleep(&time, NULL);
}

unsigned sleep(unsigned seconds) {
    struct timespec time = {seconds, 0}, rest = {0, 0};
    return nanosleep(&time, &rest) == 0 ? 0 : (unsigned)rest.tv_sec + (rest.tv_nsec > 0);
}
