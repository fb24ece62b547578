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

#endif
