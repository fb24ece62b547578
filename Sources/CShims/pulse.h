//===-- The pulse of a loop ------------------------------------------------===//
#ifndef ASYNCIO_PULSE_H
#define ASYNCIO_PULSE_H

#include "include/platform.h"

#include <stdbool.h>
#include <stdint.h>

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
    ASYNCIO_PULSE_OBSERVED = 1u << 1,
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
