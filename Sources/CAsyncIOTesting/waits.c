// Waits with a time limit on threads in virtual time. This file is in C because it defines functions of libc.
//
// `DispatchSemaphore.wait(timeout:)`, `NSCondition.wait(until:)`, and condition variables of C++ compute an instant on
// the clock of their thread, but libc compares this instant with the clock of the machine. On a thread in virtual time,
// such an instant may have passed long ago or be hours away. Therefore, the functions in this file replace it with the
// instant that is equally far away on the clock of the machine. The time limit of the wait is then in real time.
//
// Relies on: the flag in which glibc stores the clock of a condition variable. Checked by: a test. Fails: such waits
// end at once, or not at all.
#define _GNU_SOURCE
#include "following.h"

#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

enum { SECOND = 1000000000, USES_MONOTONIC_CLOCK = 2 };

static bool is_virtual(void) { return thread_time() != ASYNCIO_REAL_TIME; }

/// Returns the instant on a clock of the machine that is as far away as `instant` is on the clock of this thread.
static struct timespec on_machine(clockid_t clock, const struct timespec *instant) {
    struct timespec here = {0, 0}, machine = {0, 0};
    clock_gettime(clock, &here);
    asyncio_machine_clock(clock, &machine);
    struct timespec result = {
        machine.tv_sec + (instant->tv_sec - here.tv_sec), machine.tv_nsec + (instant->tv_nsec - here.tv_nsec)};
    if (result.tv_nsec < 0) {
        result.tv_nsec += SECOND;
        result.tv_sec -= 1;
    } else if (result.tv_nsec >= SECOND) {
        result.tv_nsec -= SECOND;
        result.tv_sec += 1;
    }
    return result;
}

static bool is_valid(const struct timespec *instant) { return instant->tv_nsec >= 0 && instant->tv_nsec < SECOND; }

typedef int timed_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *instant);
typedef int clock_wait(
    pthread_cond_t *condition, pthread_mutex_t *mutex, clockid_t clock, const struct timespec *instant);
typedef int semaphore_wait(sem_t *semaphore, const struct timespec *instant);

#if __has_feature(thread_sanitizer)
// ThreadSanitizer must see that the mutex is released.
extern timed_wait __interceptor_pthread_cond_timedwait;
extern clock_wait __interceptor_pthread_cond_clockwait;
extern semaphore_wait __interceptor_sem_timedwait;
#define ORIGINAL(name, type) __interceptor_##name
#else
static void *next(const char *name) {
    void *function = dlsym(RTLD_NEXT, name);
    if (!function) abort();
    return function;
}
#define ORIGINAL(name, type) ((type *)next(#name))
#endif

int pthread_cond_timedwait(
    pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, const struct timespec *restrict instant) {
    static timed_wait *original;
    if (!original) original = ORIGINAL(pthread_cond_timedwait, timed_wait);
    if (!is_virtual() || !is_valid(instant)) return original(condition, mutex, instant);
    bool is_monotonic = condition->__data.__wrefs & USES_MONOTONIC_CLOCK;
    struct timespec real = on_machine(is_monotonic ? CLOCK_MONOTONIC : CLOCK_REALTIME, instant);
    return original(condition, mutex, &real);
}

int pthread_cond_clockwait(
    pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, clockid_t clock,
    const struct timespec *restrict instant) {
    static clock_wait *original;
    if (!original) original = ORIGINAL(pthread_cond_clockwait, clock_wait);
    if (!is_virtual() || !is_valid(instant)) return original(condition, mutex, clock, instant);
    struct timespec real = on_machine(clock, instant);
    return original(condition, mutex, clock, &real);
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict instant) {
    static semaphore_wait *original;
    if (!original) original = ORIGINAL(sem_timedwait, semaphore_wait);
    if (!is_virtual() || !is_valid(instant)) return original(semaphore, instant);
    struct timespec real = on_machine(CLOCK_REALTIME, instant);
    return original(semaphore, &real);
}
