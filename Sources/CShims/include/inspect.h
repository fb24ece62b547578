//===-- Looking into a running program ------------------------------------===//
// Where suspended tasks and busy threads are: addresses only, which others put
// names to. Nothing here costs the program anything until it is asked.
#ifndef ASYNCIO_INSPECT_H
#define ASYNCIO_INSPECT_H

enum { ASYNCIO_JOB_EXECUTOR_WORDS = 16, ASYNCIO_TASK_RESUME_CONTEXT = 64 };
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// MARK: Suspended tasks

/// The places at which a suspended Swift task goes on, innermost first: what waits, who
/// awaits that, and so on. Returns how many there are; 0 if the memory does not look as
/// expected, as with another version of the runtime.
int asyncio_async_frames(const void *task, uintptr_t *frames, int capacity);
/// The runtime's number of a Swift task: later ones are larger.
uint32_t asyncio_task_number(const void *task);

// MARK: Busy threads

/// A thread of this process that somebody may want to look at.
typedef struct {
    pid_t thread;
    uintptr_t stack_low;
    uintptr_t stack_high;
} asyncio_thread_place;

/// The thread that calls.
asyncio_thread_place asyncio_this_thread(void);
/// Return addresses of another thread, innermost first; the functions that await the async
/// function that runs come last, after `*first_async`. Returns how many there are; 0 if the
/// thread could not be looked at. A thread that sits in a system call is not disturbed; one
/// that computes gets a signal, which nobody else uses. One caller at a time.
int asyncio_thread_frames(
    asyncio_thread_place place, uintptr_t *frames, int capacity, int *first_async);

/// Return addresses of the thread that calls, innermost first.
int asyncio_own_frames(uintptr_t *frames, int capacity);

// MARK: The pulse of a loop

/// What a loop's thread tells a watching one, at the price of two plain stores and a load
/// for each step.
//
// A step is what runs between two looks at this: a task from one suspension to the next, or
// a callback. The watcher raises `flags` and makes every thread see that; if the step is
// the same as before then, the loop's thread is still inside it, and waits at its end until
// the watcher is done: what the step runs does not go away meanwhile.
typedef struct {
    uint64_t step;
    /// How often the loop went into its poller or came out of it: odd while it is inside.
    uint64_t polls;
    uint32_t flags;
    /// The task that the step runs, if the loop knows.
    const void *task;
    /// The time, as of the watcher's latest look; 0 if nobody watches.
    int64_t now;
} asyncio_pulse;

enum {
    /// The watcher looks at the task: wait.
    ASYNCIO_PULSE_HELD = 1u << 0,
    /// Somebody wants each step timed.
    ASYNCIO_PULSE_TIMED = 1u << 1,
};

asyncio_pulse *asyncio_pulse_make(void);
void asyncio_pulse_free(asyncio_pulse *pulse);

/// A step begins. Returns the flags, which mostly are none.
static inline uint32_t asyncio_pulse_step(asyncio_pulse *pulse, const void *task) {
    __atomic_store_n(&pulse->task, task, __ATOMIC_RELAXED);
    __atomic_store_n(&pulse->step, pulse->step + 1, __ATOMIC_RELAXED);
    // The watcher's barrier stands in for one here; the compiler must keep the order.
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return __atomic_load_n(&pulse->flags, __ATOMIC_RELAXED);
}
static inline uint64_t asyncio_pulse_steps(const asyncio_pulse *pulse) {
    return __atomic_load_n(&pulse->step, __ATOMIC_ACQUIRE);
}
static inline uint32_t asyncio_pulse_flags(const asyncio_pulse *pulse) {
    return __atomic_load_n(&pulse->flags, __ATOMIC_ACQUIRE);
}
static inline void asyncio_pulse_raise(asyncio_pulse *pulse, uint32_t flag) {
    __atomic_fetch_or(&pulse->flags, flag, __ATOMIC_SEQ_CST);
}
static inline void asyncio_pulse_lower(asyncio_pulse *pulse, uint32_t flag) {
    __atomic_fetch_and(&pulse->flags, ~flag, __ATOMIC_SEQ_CST);
}
/// The step goes on as another task's, or as none's. Returns the flags.
static inline uint32_t asyncio_pulse_set_task(asyncio_pulse *pulse, const void *task) {
    __atomic_store_n(&pulse->task, task, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return __atomic_load_n(&pulse->flags, __ATOMIC_RELAXED);
}
static inline const void *asyncio_pulse_task(const asyncio_pulse *pulse) {
    return __atomic_load_n(&pulse->task, __ATOMIC_ACQUIRE);
}
/// The loop goes into its poller, or comes out of it.
static inline void asyncio_pulse_poll(asyncio_pulse *pulse) {
    __atomic_store_n(&pulse->polls, pulse->polls + 1, __ATOMIC_RELEASE);
}
static inline uint64_t asyncio_pulse_polls(const asyncio_pulse *pulse) {
    return __atomic_load_n(&pulse->polls, __ATOMIC_ACQUIRE);
}
static inline void asyncio_pulse_set_now(asyncio_pulse *pulse, int64_t now) {
    __atomic_store_n(&pulse->now, now, __ATOMIC_RELAXED);
}
static inline int64_t asyncio_pulse_now(const asyncio_pulse *pulse) {
    return __atomic_load_n(&pulse->now, __ATOMIC_RELAXED);
}
/// Makes every thread of the process see what this one wrote before, and the other way
/// round. False if the system cannot.
bool asyncio_barrier_for_all(void);

#endif
