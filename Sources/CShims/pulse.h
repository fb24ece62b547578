//===-- The pulse of a loop ------------------------------------------------===//
#ifndef ASYNCIO_PULSE_H
#define ASYNCIO_PULSE_H

#include "include/platform.h"

#include <stdbool.h>
#include <stdint.h>

/// The state that a loop's thread publishes to a watching thread, at the cost of two plain stores
/// and a load for each step.
//
// A step is the work between two updates. It is either a callback, or a task from one suspension to
// the next. The watcher raises `flags` and makes this change visible to every thread. If the step
// has not changed afterward, the loop's thread is still executing it, and waits at the end of the
// step until the watcher is done. Therefore, the task or callback stays alive while the watcher
// reads it.
typedef struct {
    uint64_t step;
    /// The number of times that the loop entered or left its poller. The number is odd while the
    /// loop is in its poller.
    uint64_t polls;
    uint32_t flags;
    /// The task that the step runs, if the loop knows the task.
    const void *task;
    /// The time at which the watcher last read the pulse, or 0 if no thread is watching.
    int64_t now;
} asyncio_pulse;

enum {
    /// The watcher is reading the task, so the loop's thread must wait.
    ASYNCIO_PULSE_HELD = 1u << 0,
    /// Each step must be timed.
    ASYNCIO_PULSE_OBSERVED = 1u << 1,
};

asyncio_pulse *asyncio_pulse_make(void);
void asyncio_pulse_free(asyncio_pulse *pulse);

/// Begins a step. Returns the flags, which are usually empty.
static inline uint32_t asyncio_pulse_step(asyncio_pulse *pulse, const void *task) {
    __atomic_store_n(&pulse->task, task, __ATOMIC_RELAXED);
    __atomic_store_n(&pulse->step, pulse->step + 1, __ATOMIC_RELAXED);
    // The watcher's barrier makes a barrier here unnecessary, but the compiler must preserve the
    // order.
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
/// Continues the step with another task or without a task. Returns the flags.
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
/// Makes the earlier writes of this thread visible to every thread of the process, and the earlier
/// writes of those threads visible to this thread. Returns false if the system does not support
/// this.
bool asyncio_barrier_for_all(void);

#endif
