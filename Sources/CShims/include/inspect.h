//===-- Inspecting a running program --------------------------------------===//
// The positions of suspended tasks and busy threads, as addresses without names. Nothing here costs
// the program anything until it is used.
#ifndef ASYNCIO_INSPECT_H
#define ASYNCIO_INSPECT_H

#include "platform.h"

enum { ASYNCIO_JOB_EXECUTOR_WORDS = 16, ASYNCIO_TASK_RESUME_CONTEXT = 64 };
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// MARK: Suspended tasks

/// The places at which a suspended Swift task resumes, innermost first: the function that waits,
/// the function that awaits it, and so on. Returns their number; 0 if the memory does not have the
/// expected layout, as with another version of the runtime.
int asyncio_async_frames(const void *task, uintptr_t *frames, int capacity);
/// The runtime's number of a Swift task. Later tasks have larger numbers.
uint32_t asyncio_task_number(const void *task);

// MARK: Busy threads

/// A thread of this process that can be inspected.
typedef struct {
    pid_t thread;
    uintptr_t stack_low;
    uintptr_t stack_high;
} asyncio_thread_place;

/// The calling thread.
asyncio_thread_place asyncio_this_thread(void);
/// The return addresses of another thread, innermost first. The functions that await the running
/// async function come last, from index `*first_async` on. Returns their number; 0 if the thread
/// could not be inspected. A thread in a system call is not disturbed. A thread that computes gets
/// a signal that no other code uses. One caller at a time.
int asyncio_thread_frames(
    asyncio_thread_place place, uintptr_t *frames, int capacity, int *first_async);

/// The return addresses of the calling thread, innermost first.
int asyncio_own_frames(uintptr_t *frames, int capacity);

// MARK: The pulse of a loop

/// The state that a loop's thread publishes to a watching thread, at the cost of two plain stores
/// and a load for each step.
//
// A step is what runs between two updates: a task from one suspension to the next, or a callback.
// The watcher raises `flags` and makes every thread see that. If the step is still the same, the
// loop's thread is inside it, and waits at its end until the watcher is done. What the step runs
// does not go away meanwhile.
typedef struct {
    uint64_t step;
    /// The number of times that the loop entered or left its poller. Odd while it is inside.
    uint64_t polls;
    uint32_t flags;
    /// The task that the step runs, if the loop knows.
    const void *task;
    /// The time of the watcher's latest look; 0 if no thread watches.
    int64_t now;
} asyncio_pulse;

enum {
    /// The watcher is reading the task: wait.
    ASYNCIO_PULSE_HELD = 1u << 0,
    /// Each step is to be timed.
    ASYNCIO_PULSE_TIMED = 1u << 1,
};

asyncio_pulse *asyncio_pulse_make(void);
void asyncio_pulse_free(asyncio_pulse *pulse);

/// Begins a step. Returns the flags, usually none.
static inline uint32_t asyncio_pulse_step(asyncio_pulse *pulse, const void *task) {
    __atomic_store_n(&pulse->task, task, __ATOMIC_RELAXED);
    __atomic_store_n(&pulse->step, pulse->step + 1, __ATOMIC_RELAXED);
    // The watcher's barrier replaces one here, but the compiler must preserve the order.
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
/// Continues the step with another task, or with none. Returns the flags.
static inline uint32_t asyncio_pulse_set_task(asyncio_pulse *pulse, const void *task) {
    __atomic_store_n(&pulse->task, task, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return __atomic_load_n(&pulse->flags, __ATOMIC_RELAXED);
}
static inline const void *asyncio_pulse_task(const asyncio_pulse *pulse) {
    return __atomic_load_n(&pulse->task, __ATOMIC_ACQUIRE);
}
/// Called when the loop enters or leaves its poller.
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
/// Makes every thread of the process see what this one wrote before, and vice versa. Returns false
/// if the system does not support it.
bool asyncio_barrier_for_all(void);

#endif
