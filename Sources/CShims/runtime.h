//===-- What the library needs of the Swift runtime ------------------------===//
// The code in this file relies on more of the runtime than its public interface. For each use, a
// comment says what the code relies on, what checks this assumption, and what fails if the runtime is
// different. Where possible, the code checks an assumption at run time. Tests check all other
// assumptions, and a new toolchain must pass these tests. Two more uses of this kind are in modules
// that not every program links: the replacement of `swift_job_run` in CAsyncIOMain, and
// `swift_retainCount` in CAsyncIOTesting.
#ifndef ASYNCIO_RUNTIME_H
#define ASYNCIO_RUNTIME_H

#include "include/platform.h"

#include "memory.h"

#include <stddef.h>
#include <stdint.h>

#if __has_attribute(swiftcall)
#define ASYNCIO_SWIFTCALL __attribute__((swiftcall))
#else
#define ASYNCIO_SWIFTCALL
#endif

// MARK: Functions

// Relies on: Swift's calling convention, and two exported functions that compiled programs also call
// (for `withUnsafeCurrentTask` and `Task.cancel()`), so that the runtime cannot remove them. Checked
// by: the linker, and all tests of cancellation. Fails: programs do not link.
extern ASYNCIO_SWIFTCALL void *swift_task_getCurrent(void);
extern ASYNCIO_SWIFTCALL void swift_task_cancel(void *task);

/// Returns the Swift task that is running on this thread, or NULL.
static inline void *asyncio_task_current(void) { return swift_task_getCurrent(); }
/// Sets the native cancellation flag of a Swift task and runs its handlers.
static inline void asyncio_task_cancel(void *task) { swift_task_cancel(task); }

// This function is part of ThreadSanitizer, and is missing in a program without it.
extern void __tsan_acquire(void *address) __attribute__((weak));

/// Tells ThreadSanitizer that the actions of a thread before it resumed this task have happened
/// before this call.
//
// Relies on: the runtime, which releases the task for ThreadSanitizer when a continuation is
// resumed, but acquires it only if the task had suspended. Checked by: check-sanitized.sh. Fails:
// ThreadSanitizer reports races that do not exist.
static inline void asyncio_task_was_resumed(void) {
    if (__tsan_acquire) __tsan_acquire(swift_task_getCurrent());
}

// MARK: The layout of jobs and tasks

enum {
    /// The offset of the two words in a job that are reserved for the job's executor.
    //
    // Relies on: the layout of a job, unchanged since Swift 5.5. Checked by: a test in
    // ThreadCrossingTests, which compares the layout with the result of the public but slower
    // `ExecutorJob.withUnsafeExecutorPrivateData`. Fails: code for jobs from other threads
    // overwrites another field of the job, so nothing works.
    ASYNCIO_JOB_EXECUTOR_WORDS = 16,
    /// The offset of a task's number, as in `asyncio_task_number`.
    ASYNCIO_TASK_NUMBER = 36,
    /// The offset of the function that a suspended task continues with, and of its context.
    ASYNCIO_TASK_RESUME = 56,
    ASYNCIO_TASK_RESUME_CONTEXT = 64,
};

/// Returns the number that the runtime has given to a Swift task. Later tasks have larger numbers.
//
// Relies on: the layout of a task. Checked by: the tests of abandoned tasks. The kernel reads the
// memory, so that a wrong address does no harm. Fails: an abandoned task can be mistaken for another
// task, and runs or is dropped by mistake.
uint32_t asyncio_task_number(const void *task);

/// Prefetches the frames of a suspended Swift task.
//
// Relies on: the offset of the resume context, inside a live object. Checked by: nothing, because
// only performance depends on it. Fails: other memory is prefetched, and the access takes longer.
static inline void asyncio_prefetch_frames(uintptr_t task) {
    asyncio_prefetch(*(const uintptr_t *)(task + ASYNCIO_TASK_RESUME_CONTEXT), 4);
}

// MARK: The frames of a suspended task

/// Finds the places at which a suspended Swift task resumes, innermost first: the waiting function,
/// the function that awaits it, and so on. Returns the number of places, or 0 if the memory does not
/// have the expected layout, which can happen with another version of the runtime.
//
// Relies on: the layout of a task, and of an async frame (a context begins with its caller's context
// and the function that resumes it). Checked by: each call, which compares the version of the layout
// and the metadata that the runtime publishes for debuggers, lets the kernel read the memory, and
// returns nothing if any address is not in code. CallGraphTests also checks this. Fails: stacks are
// missing from reports.
int asyncio_async_frames(const void *task, uintptr_t *frames, int capacity);

// MARK: The main function

/// Sets the handler for an error that the program's main function or its top-level code throws. The
/// handler either ends the process, or returns to leave the error to the Swift runtime, which traps.
//
// Relies on: the compiler, which makes the program call `swift_errorInMain` with such an error, and
// the dynamic linker, which prefers the definition in runtime.c. Checked by: tests of programs
// (AsyncMainTests, RunnerTests). Fails: the error causes a trap, as it does without this library.
// The same happens if the standard library is linked statically.
void asyncio_on_error_in_main(void (*handler)(const void *error));

/// Returns the Swift task of an `async` main function after it has started, or NULL if the main
/// function is not `async` or the task is unknown. CAsyncIOMain sets the task. Its source describes
/// what the code relies on.
void *asyncio_main_task(void);
void asyncio_set_main_task(void *task);

#endif
