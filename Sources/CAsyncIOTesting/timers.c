// The timers of threads that follow a loop in virtual time. This file is in C because it defines functions of libc.
//
// A loop in virtual time can make all threads of the process that run no loop follow its time. Their clocks then show
// the time of the loop (see clock.c), and their timers fire when that time reaches them. The event loops of NIO and the
// manager of Dispatch both wait in the kernel for a descriptor of `timerfd_create`. Therefore, this file stores the
// timers of such descriptors instead of setting them in the kernel. The loop asks for the earliest deadline. When a
// timer is due, it is set in the kernel so that it expires at once, and its thread continues as usual. Sleeping threads
// also wait in this file.
//
// A timer belongs to a descriptor, whose number can be reused. `timerfd_create` begins a new timer for the number. A
// descriptor may have been closed, or may now belong to another object. Before a timer is used, a call to the kernel
// detects this.
//
// When threads begin to follow a loop, timers that are set in the kernel move to this file. When the threads return to
// real time, the remaining time of each timer is set in the kernel. Sleeping threads stay in this file until they wake
// up, so they continue to follow if a loop is followed again.
//
// If a periodic timer expires several times before it is read, the expirations count as one.
#define _GNU_SOURCE
#include "following.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

_Atomic int64_t asyncio_followed_time = INT64_MIN; // ASYNCIO_REAL_TIME
_Atomic int64_t asyncio_followed_epoch;
_Atomic bool asyncio_following_is_paused;

enum { SECOND = 1000000000 };

// MARK: The kernel's timers

static int set_in_kernel(int fd, int flags, const struct itimerspec *new, struct itimerspec *old) {
    return (int)syscall(SYS_timerfd_settime, fd, flags, new, old);
}

static int get_from_kernel(int fd, struct itimerspec *now) { return (int)syscall(SYS_timerfd_gettime, fd, now); }

static const struct itimerspec NEVER, AT_ONCE = {.it_value = {0, 1}};

static struct timespec split(int64_t nanoseconds) {
    return (struct timespec){nanoseconds / SECOND, nanoseconds % SECOND};
}

static int64_t joined(struct timespec time) {
    int64_t nanoseconds;
    if (__builtin_mul_overflow((int64_t)time.tv_sec, (int64_t)SECOND, &nanoseconds)
        || __builtin_add_overflow(nanoseconds, (int64_t)time.tv_nsec, &nanoseconds))
        return INT64_MAX;
    return nanoseconds;
}

static int64_t sum(int64_t time, int64_t duration) {
    int64_t result;
    return __builtin_add_overflow(time, duration, &result) ? INT64_MAX : result;
}

// MARK: State

// Protects all variables below, and changes to `asyncio_followed_time`.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/// The timer of a descriptor.
struct timer {
    bool exists, is_set;
    clockid_t clock;
    /// The next deadline on the clock of the loop, and the interval, in nanoseconds.
    int64_t deadline, interval;
};

// The timers by their descriptors.
static struct timer *timers;
static int count;

/// A sleeping thread.
struct sleeper {
    struct sleeper *next;
    /// The end of the sleep, on the clock of the loop or, in real time, on the clock of the machine.
    int64_t deadline;
    /// Set when the sleep ends.
    bool is_over;
    /// The time by which the clock was set back since the sleep began.
    int64_t set_back;
};

static struct sleeper *sleepers;
/// The machine's time at which the threads last returned to real time. If a run in real time took place inside a run
/// that is followed, its duration does not count for the threads that sleep.
static int64_t returned;
// The sleepers wait for this condition. It is signaled when a sleep ends, and when the clock changes.
static pthread_cond_t sleep_changed = PTHREAD_COND_INITIALIZER;

static struct timer *timer_of(int fd) { return fd >= 0 && fd < count && timers[fd].exists ? &timers[fd] : NULL; }

/// Lets the timer of a descriptor expire now.
static void fire(int fd) {
    struct itimerspec left = AT_ONCE;
    set_in_kernel(fd, 0, &left, NULL);
    // After the timer has expired, the waiting thread can run, so the loop does not mistake that thread for an idle
    // one.
    for (int tries = 0; tries < 10000; tries++) {
        if (get_from_kernel(fd, &left) != 0 || joined(left.it_value) == 0) return;
        sched_yield();
    }
}

static void fire_if_due(int fd, int64_t now) {
    struct timer *timer = &timers[fd];
    if (!timer->is_set || timer->deadline > now) return;
    timer->is_set = timer->interval > 0;
    if (timer->is_set) {
        int64_t missed = (now - timer->deadline) / timer->interval;
        timer->deadline = sum(timer->deadline, (missed + 1) * timer->interval);
    }
    fire(fd);
}

static struct itimerspec left_of(const struct timer *timer) {
    int64_t left = timer->deadline - followed_time();
    return (struct itimerspec){split(timer->interval), split(left > 0 ? left : 1)};
}

// MARK: Following

static void set_clock(asyncio_testing_clock clock) {
    atomic_store_explicit(&asyncio_followed_epoch, clock.epoch, memory_order_relaxed);
    atomic_store_explicit(&asyncio_followed_time, clock.time, memory_order_relaxed);
}

/// Takes over a timer that is set in the kernel.
static void take_from_kernel(int fd, int64_t now) {
    struct pollfd event = {fd, POLLIN, 0};
    bool has_expired = poll(&event, 1, 0) == 1 && event.revents & POLLIN;
    struct itimerspec left = NEVER;
    if (get_from_kernel(fd, &left) != 0 || joined(left.it_value) == 0) return;
    if (set_in_kernel(fd, 0, &NEVER, &left) != 0) return;
    int64_t interval = joined(left.it_interval), value = joined(left.it_value);
    // Unsetting a timer discards an expiration that was not read.
    if (has_expired || value == 0) fire(fd);
    if (value == 0) return;
    timers[fd].is_set = true;
    timers[fd].deadline = sum(now, value);
    timers[fd].interval = interval;
}

/// Moves the timers to the clock of another loop. The remaining time of each timer stays the same.
static void move_timers(int64_t change) {
    for (int fd = 0; fd < count; fd++)
        if (timers[fd].is_set && timers[fd].deadline != INT64_MAX) timers[fd].deadline += change;
}

/// Moves the sleeping threads to another clock. The remaining time of each sleep stays the same.
static void move_sleepers(int64_t change) {
    for (struct sleeper *sleeper = sleepers; sleeper; sleeper = sleeper->next) {
        if (sleeper->deadline != INT64_MAX) sleeper->deadline += change;
        sleeper->set_back -= change;
    }
    pthread_cond_broadcast(&sleep_changed);
}

static void remove_sleeper(struct sleeper *sleeper) {
    struct sleeper **link = &sleepers;
    while (*link != sleeper) link = &(*link)->next;
    *link = sleeper->next;
}

static void return_to_kernel(void) {
    for (int fd = 0; fd < count; fd++) {
        if (!timers[fd].is_set) continue;
        struct itimerspec left = left_of(&timers[fd]);
        set_in_kernel(fd, 0, &left, NULL);
        timers[fd].is_set = false;
    }
}

/// The current time on a clock of a loop, or on the clock of the machine.
static int64_t now_on(int64_t clock) {
    return clock == ASYNCIO_REAL_TIME ? asyncio_machine_continuous_time() : clock;
}

asyncio_testing_clock asyncio_testing_follow(asyncio_testing_clock clock) {
    pthread_mutex_lock(&lock);
    asyncio_testing_clock previous = {followed_time(), atomic_load(&asyncio_followed_epoch)};
    if (previous.time != clock.time) {
        bool begins = previous.time == ASYNCIO_REAL_TIME, ends = clock.time == ASYNCIO_REAL_TIME;
        if (ends) returned = now_on(ASYNCIO_REAL_TIME);
        int64_t change = (ends ? returned : clock.time) - (begins ? returned : previous.time);
        if (begins) {
            for (int fd = 0; fd < count; fd++)
                if (timers[fd].exists) take_from_kernel(fd, clock.time);
        } else if (ends) {
            return_to_kernel();
        } else {
            move_timers(change);
        }
        move_sleepers(change);
    }
    set_clock(clock);
    pthread_mutex_unlock(&lock);
    asyncio_testing_clock_changed();
    return previous;
}

asyncio_testing_clock asyncio_testing_pause_following(void) {
    atomic_store_explicit(&asyncio_following_is_paused, true, memory_order_relaxed);
    return asyncio_testing_follow((asyncio_testing_clock){ASYNCIO_REAL_TIME, 0});
}

void asyncio_testing_continue_following(asyncio_testing_clock clock) {
    asyncio_testing_follow(clock);
    // A pause can begin inside another one.
    atomic_store_explicit(&asyncio_following_is_paused, clock.time == ASYNCIO_REAL_TIME, memory_order_relaxed);
}

bool asyncio_testing_followed_time_passed(asyncio_testing_clock clock) {
    pthread_mutex_lock(&lock);
    set_clock(clock);
    bool has_fired = false;
    for (int fd = 0; fd < count; fd++) {
        if (!timers[fd].is_set || timers[fd].deadline > clock.time) continue;
        fire_if_due(fd, clock.time);
        has_fired = true;
    }
    for (struct sleeper *sleeper = sleepers; sleeper; sleeper = sleeper->next) {
        if (sleeper->deadline > clock.time) continue;
        remove_sleeper(sleeper);
        sleeper->is_over = true;
        has_fired = true;
    }
    if (has_fired) pthread_cond_broadcast(&sleep_changed);
    pthread_mutex_unlock(&lock);
    return has_fired;
}

int64_t asyncio_testing_next_deadline(void) {
    pthread_mutex_lock(&lock);
    int64_t next = INT64_MAX;
    for (int fd = 0; fd < count; fd++) {
        if (!timers[fd].is_set || timers[fd].deadline >= next) continue;
        struct itimerspec now;
        if (get_from_kernel(fd, &now) == 0)
            next = timers[fd].deadline;
        else
            timers[fd] = (struct timer){0};
    }
    for (struct sleeper *sleeper = sleepers; sleeper; sleeper = sleeper->next)
        if (sleeper->deadline < next) next = sleeper->deadline;
    pthread_mutex_unlock(&lock);
    return next;
}

/// Waits until the sleep may have ended.
static void wait_for_change(const struct sleeper *sleeper) {
    if (followed_time() == ASYNCIO_REAL_TIME) {
        // This thread is in real time, so libc compares the instant with the clock of the machine.
        int64_t left = sleeper->deadline - now_on(ASYNCIO_REAL_TIME);
        struct timespec end = split(sum(asyncio_machine_time(CLOCK_MONOTONIC), left));
        pthread_cond_clockwait(&sleep_changed, &lock, CLOCK_MONOTONIC, &end);
    } else {
        pthread_cond_wait(&sleep_changed, &lock);
    }
}

int64_t asyncio_testing_follow_for(int64_t nanoseconds) {
    if (nanoseconds <= 0) return 0;
    pthread_mutex_lock(&lock);
    struct sleeper sleeper = {.next = sleepers, .deadline = sum(now_on(followed_time()), nanoseconds)};
    sleepers = &sleeper;
    while (!sleeper.is_over) {
        if (followed_time() == ASYNCIO_REAL_TIME && now_on(ASYNCIO_REAL_TIME) >= sleeper.deadline) {
            remove_sleeper(&sleeper);
            break;
        }
        wait_for_change(&sleeper);
    }
    pthread_mutex_unlock(&lock);
    return sleeper.set_back;
}

// MARK: The functions of libc

int timerfd_create(clockid_t clock, int flags) {
    int fd = (int)syscall(SYS_timerfd_create, clock, flags);
    if (fd < 0) return fd;
    pthread_mutex_lock(&lock);
    if (fd >= count) {
        int size = fd + 64;
        struct timer *larger = realloc(timers, (size_t)size * sizeof *timers);
        if (!larger) abort();
        memset(larger + count, 0, (size_t)(size - count) * sizeof *timers);
        timers = larger;
        count = size;
    }
    timers[fd] = (struct timer){.exists = true, .clock = clock};
    pthread_mutex_unlock(&lock);
    return fd;
}

static bool is_valid(struct timespec time) { return time.tv_sec >= 0 && time.tv_nsec >= 0 && time.tv_nsec < SECOND; }

int timerfd_settime(int fd, int flags, const struct itimerspec *new, struct itimerspec *old) {
    pthread_mutex_lock(&lock);
    struct timer *timer = followed_time() == ASYNCIO_REAL_TIME ? NULL : timer_of(fd);
    int result;
    if (!timer || !new || !is_valid(new->it_value) || !is_valid(new->it_interval)) {
        result = set_in_kernel(fd, flags, new, old);
    } else {
        struct itimerspec left = timer->is_set ? left_of(timer) : NEVER;
        // This call also discards an expiration that was not read, and checks the arguments.
        result = set_in_kernel(fd, flags, &NEVER, NULL);
        timer->is_set = false;
        if (result == 0) {
            if (old) *old = left;
            int64_t value = joined(new->it_value);
            if (value != 0) {
                if (flags & TFD_TIMER_ABSTIME) {
                    struct timespec now = {0, 0};
                    clock_gettime(timer->clock, &now);
                    value -= joined(now);
                }
                timer->is_set = true;
                timer->deadline = sum(followed_time(), value);
                timer->interval = joined(new->it_interval);
                fire_if_due(fd, followed_time());
            }
        }
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int timerfd_gettime(int fd, struct itimerspec *now) {
    pthread_mutex_lock(&lock);
    struct timer *timer = followed_time() == ASYNCIO_REAL_TIME ? NULL : timer_of(fd);
    int result = get_from_kernel(fd, now);
    if (result == 0 && timer && timer->is_set) *now = left_of(timer);
    pthread_mutex_unlock(&lock);
    return result;
}
