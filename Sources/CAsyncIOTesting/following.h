// The time of a thread, for the functions of libc that this module defines.
#ifndef ASYNCIO_TESTING_FOLLOWING_H
#define ASYNCIO_TESTING_FOLLOWING_H

#include "CAsyncIOTesting.h"
#include "CShims.h"

#include <stdatomic.h>
#include <stdbool.h>

// The time and the date offset of the loop that the threads of the process follow; see timers.c. If the threads follow
// no loop, the time is `ASYNCIO_REAL_TIME`.
extern _Atomic int64_t asyncio_followed_time, asyncio_followed_epoch;
/// Whether the threads are in real time only until a run inside another one has ended.
extern _Atomic bool asyncio_following_is_paused;

static inline int64_t followed_time(void) {
    return atomic_load_explicit(&asyncio_followed_time, memory_order_relaxed);
}

/// Whether this thread follows a loop of another thread. A thread that runs a loop has the time of that loop, except in
/// the code of tasks that belong to the followed loop.
static inline bool is_follower(void) {
    int64_t time = followed_time();
    if (time == ASYNCIO_REAL_TIME || time == asyncio_virtual_time()) return false;
    return !asyncio_loop_get() || asyncio_testing_task_follows();
}

/// The virtual time of this thread, or `ASYNCIO_REAL_TIME`.
static inline int64_t thread_time(void) { return is_follower() ? followed_time() : asyncio_virtual_time(); }

static inline int64_t thread_epoch(void) {
    return is_follower() ? atomic_load_explicit(&asyncio_followed_epoch, memory_order_relaxed)
                         : asyncio_virtual_epoch();
}

/// Called when threads begin to follow a loop, or return to real time.
void asyncio_testing_clock_changed(void);

/// Blocks this thread, which must be a follower or become one after a pause, until the time of the thread has advanced by the given number of
/// nanoseconds. If the thread returns to real time, the rest of them pass in real time.
///
/// - Returns: The number of nanoseconds by which the clock of the thread was set back during the sleep.
int64_t asyncio_testing_follow_for(int64_t nanoseconds);

#endif
