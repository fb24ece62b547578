// Dispatch's timers on a thread in virtual time. This file is in C, because it defines functions of libdispatch.
//
// A Dispatch deadline is an instant on the clock of the thread that computed it. Dispatch uses the kernel's timers,
// which run in real time, so these timers cannot use an instant of virtual time. On a thread in virtual time, the
// following rules apply:
//
//   - `DispatchQueue.main.asyncAfter` becomes a timer of the loop.
//   - All other timers, which run on other threads, fire after the same delay in real time, unless these threads
//     follow the loop (see timers.c). In that case, the two threads have the same clock.
//
// If Dispatch is linked statically, its own functions take precedence, because the functions in this file are weak.
// ThreadSanitizer also replaces `dispatch_after` with a weak function in the program, which the linker would
// choose. Therefore, with ThreadSanitizer, the functions in this file are strong, and they call the functions of
// ThreadSanitizer, which must see that a block runs after it was submitted.
#define _GNU_SOURCE
#include "following.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdlib.h>

typedef uint64_t dispatch_instant;
extern dispatch_instant dispatch_time(dispatch_instant when, int64_t delta) __attribute__((weak));
extern void dispatch_async(void *queue, void *block) __attribute__((weak));
extern void *_Block_copy(const void *block) __attribute__((weak));
extern void _Block_release(const void *block) __attribute__((weak));
extern char _dispatch_main_q __attribute__((weak));

static const dispatch_instant FOREVER = ~0ull, MONOTONIC = 1ull << 63, WALL = 1ull << 62, NOW_OF_WALL = ~1ull;

/// Returns the time from now until a deadline, on the clock of this thread, in nanoseconds.
static int64_t distance(dispatch_instant when) {
    if (when == 0 || when == NOW_OF_WALL) return 0;
    if (!(when & MONOTONIC)) return (int64_t)when - asyncio_testing_monotonic_time();
    // The date is stored as a negative number.
    if (when & WALL) return -(int64_t)when - (asyncio_virtual_epoch() + asyncio_virtual_time());
    return (int64_t)(when & ~MONOTONIC) - asyncio_virtual_time();
}

/// Returns the same deadline on the machine's clock.
static dispatch_instant on_machine(dispatch_instant when) {
    if (when == FOREVER) return when;
    int64_t delta = distance(when);
    if (delta < 0) delta = 0;
    return (dispatch_instant)asyncio_machine_time(CLOCK_MONOTONIC) + (uint64_t)delta;
}

static bool is_virtual(void) { return asyncio_virtual_time() != ASYNCIO_REAL_TIME; }

/// Whether the threads of Dispatch have the time of this thread.
static bool is_followed(void) { return followed_time() == asyncio_virtual_time(); }

// The functions of libdispatch also read the clock of this thread, so they are called in the time of its threads.
static int64_t leave_virtual_time(void) {
    int64_t time = asyncio_virtual_time();
    if (!is_followed()) asyncio_set_virtual_time(ASYNCIO_REAL_TIME);
    return time;
}

static void *next(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (!function) abort();
    return function;
}

typedef void after_function(dispatch_instant when, void *queue, void *block);

#if __has_feature(thread_sanitizer)
#define REPLACEMENT
extern after_function __interceptor_dispatch_after;
static after_function *original_after(void) { return __interceptor_dispatch_after; }
#else
#define REPLACEMENT __attribute__((weak))
static after_function *original_after(void) { return (after_function *)next("dispatch_after"); }
#endif

void asyncio_testing_submit_to_main_queue(void *block) {
    dispatch_async(&_dispatch_main_q, block);
    _Block_release(block);
}

// MARK: The replacements

after_function dispatch_after;
REPLACEMENT void dispatch_after(dispatch_instant when, void *queue, void *block) {
    static after_function *original;
    if (is_virtual()) {
        if (queue == &_dispatch_main_q && when != FOREVER)
            return asyncio_testing_call_later(distance(when), _Block_copy(block));
        if (!is_followed()) when = on_machine(when);
    }
    if (!original) original = original_after();
    int64_t time = leave_virtual_time();
    original(when, queue, block);
    asyncio_set_virtual_time(time);
}

typedef void set_timer_function(void *source, dispatch_instant start, uint64_t interval, uint64_t leeway);

static void set_original_timer(void *source, dispatch_instant start, uint64_t interval, uint64_t leeway) {
    static set_timer_function *original;
    if (!original) original = (set_timer_function *)next("dispatch_source_set_timer");
    original(source, start, interval, leeway);
}

// MARK: Dispatch's own timer

// When Dispatch starts its first thread, it also starts a timer that checks each second whether its threads
// are blocked. As a deadline of a loop that other threads follow, this timer would stop virtual time each
// second, and the loop could never detect a deadlock. So it does not fire while threads follow a loop.
//
// Relies on: Dispatch sets this timer to now and every second, through the dynamic linker. Checked by: a test.
// Fails: such a loop does not detect a deadlock.
static _Atomic(void *) monitor;

static bool is_monitor(dispatch_instant start, uint64_t interval, uint64_t leeway, const void *caller) {
    Dl_info ours, theirs;
    return interval == 1000000000 && leeway == 0 && start <= dispatch_time(0, 0) && dladdr(caller, &ours)
        && dladdr(next("dispatch_source_set_timer"), &theirs) && ours.dli_fbase == theirs.dli_fbase;
}

void asyncio_testing_clock_changed(void) {
    void *source = monitor;
    if (source) set_original_timer(source, followed_time() == ASYNCIO_REAL_TIME ? 0 : FOREVER, 1000000000, 0);
}

set_timer_function dispatch_source_set_timer;
REPLACEMENT void dispatch_source_set_timer(
    void *source, dispatch_instant start, uint64_t interval, uint64_t leeway) {
    if (!monitor && is_monitor(start, interval, leeway, __builtin_return_address(0))) {
        monitor = source;
        return asyncio_testing_clock_changed();
    }
    if (is_virtual() && !is_followed()) start = on_machine(start);
    int64_t time = leave_virtual_time();
    set_original_timer(source, start, interval, leeway);
    asyncio_set_virtual_time(time);
}
