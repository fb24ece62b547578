#ifndef ASYNCIO_TESTING_H
#define ASYNCIO_TESTING_H

#include <stdbool.h>
#include <stdint.h>

// MARK: Implemented in Swift, in the module AsyncIOTesting

void asyncio_testing_install_at_load(void);
/// Advances the virtual time of the loop on this thread, instead of blocking the thread.
void asyncio_testing_pass_time(int64_t nanoseconds);
/// Puts a block on Dispatch's main queue after `delay` has passed on the loop of this thread.
/// Consumes the block.
void asyncio_testing_call_later(int64_t delay, void *block);
/// Whether the current task belongs to a loop that the threads of the process follow.
bool asyncio_testing_task_follows(void);

// MARK: Implemented in C

/// Puts a block on Dispatch's main queue. Consumes the block.
void asyncio_testing_submit_to_main_queue(void *block);

/// Returns the number of strong references to an object of the Swift runtime.
long asyncio_testing_retain_count(void *object);

/// The source of a thread's random numbers.
typedef struct asyncio_testing_random {
    bool is_seeded;
    uint64_t state;
} asyncio_testing_random;

/// Sets the source of this thread's random numbers, and returns the previous source.
asyncio_testing_random asyncio_testing_seed_random(asyncio_testing_random random);

/// Returns the time of `CLOCK_MONOTONIC` on this thread, which is in virtual time.
int64_t asyncio_testing_monotonic_time(void);

// MARK: Threads that follow a loop in virtual time; see timers.c and idle.c

/// The clock of a loop in virtual time: the time of `ContinuousClock` in nanoseconds, and what is to be added to it to
/// get the date.
typedef struct asyncio_testing_clock {
    int64_t time, epoch;
} asyncio_testing_clock;

/// The time of a clock that stands for the machine's.
static const int64_t ASYNCIO_TESTING_REAL_TIME = INT64_MIN;

/// Makes all threads of the process that run no loop follow a clock, and returns the one that they followed before. What
/// is left of the timers of these threads stays the same.
asyncio_testing_clock asyncio_testing_follow(asyncio_testing_clock clock);
/// Returns the threads to real time until `asyncio_testing_continue_following` is called with the result. Threads that
/// sleep at that time follow again.
asyncio_testing_clock asyncio_testing_pause_following(void);
void asyncio_testing_continue_following(asyncio_testing_clock clock);
/// Advances the clock that the threads follow, and resumes those whose timers are due.
///
/// - Returns: Whether a timer was due.
bool asyncio_testing_followed_time_passed(asyncio_testing_clock clock);
/// The time at which the next timer of a thread is due; `INT64_MAX` if no timer is set.
int64_t asyncio_testing_next_deadline(void);
/// Whether all other threads of the process wait in the kernel, and have waited since the previous call. Returns false
/// the first time. One thread at a time can call this.
bool asyncio_testing_are_threads_idle(void);

#endif
