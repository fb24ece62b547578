//===-- What the library needs of the Swift runtime ------------------------===//
// Everything here relies on more of the runtime than its public interface. For each use: what it
// relies on, what checks that, and how it fails with a runtime that is different. A check that can
// be made at run time is made there; the others are tests, which a new toolchain has to pass. Two
// more such uses are in modules that not every program links: the replacement of `swift_job_run` in
// CAsyncIOMain, and `swift_retainCount` in CAsyncIOTesting.
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

// Relies on: two exported functions that compiled programs call too (for `withUnsafeCurrentTask` and
// `Task.cancel()`), and which therefore stay, and on Swift's calling convention. Checked by: the
// linker, and all tests of cancellation. Fails: programs do not link.
extern ASYNCIO_SWIFTCALL void *swift_task_getCurrent(void);
extern ASYNCIO_SWIFTCALL void swift_task_cancel(void *task);

/// The Swift task that is running on this thread, or NULL.
static inline void *asyncio_task_current(void) { return swift_task_getCurrent(); }
/// Sets the native cancellation flag of a Swift task and runs its handlers.
static inline void asyncio_task_cancel(void *task) { swift_task_cancel(task); }

// Part of ThreadSanitizer; missing in a program without it.
extern void __tsan_acquire(void *address) __attribute__((weak));

/// Tells ThreadSanitizer that what a thread did before it resumed this task has happened.
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
    // ThreadCrossingTests, which compares it with what the public (and slower)
    // `ExecutorJob.withUnsafeExecutorPrivateData` returns. Fails: jobs that arrive from other
    // threads overwrite another field of their job, so nothing works.
    ASYNCIO_JOB_EXECUTOR_WORDS = 16,
    /// The offset of a task's number, as in `asyncio_task_number`.
    ASYNCIO_TASK_NUMBER = 36,
    /// The offset of the function that a suspended task continues with, and of its context.
    ASYNCIO_TASK_RESUME = 56,
    ASYNCIO_TASK_RESUME_CONTEXT = 64,
};

/// The runtime's number of a Swift task. Later tasks have larger numbers.
//
// Relies on: the layout of a task. Checked by: the tests of abandoned tasks. The memory is read by
// the kernel, so that a wrong address does no harm. Fails: a task that was abandoned can be taken
// for another one, and runs or is dropped by mistake.
uint32_t asyncio_task_number(const void *task);

/// Prefetches the frames of a suspended Swift task.
//
// Relies on: the offset of the resume context, inside an object that is alive. Checked by: nothing,
// because only time depends on it. Fails: other memory is prefetched, and it takes longer.
static inline void asyncio_prefetch_frames(uintptr_t task) {
    asyncio_prefetch(*(const uintptr_t *)(task + ASYNCIO_TASK_RESUME_CONTEXT), 4);
}

// MARK: The frames of a suspended task

/// The places at which a suspended Swift task resumes, innermost first: the function that waits,
/// the function that awaits it, and so on. Returns their number; 0 if the memory does not have the
/// expected layout, as with another version of the runtime.
//
// Relies on: the layout of a task, and of an async frame (a context begins with its caller's
// context and the function that resumes it). Checked by: each call, which compares the version of
// the layout and the metadata that the runtime publishes for debuggers, lets the kernel read the
// memory, and returns nothing if a single address is not in code. Also by CallGraphTests. Fails:
// stacks are missing from reports.
int asyncio_async_frames(const void *task, uintptr_t *frames, int capacity);

// MARK: The main function

/// Sets the handler for an error that leaves the program's main function or its top-level code. The
/// handler ends the process, or returns to leave the error to the Swift runtime, which traps.
//
// Relies on: the compiler, which makes the program call `swift_errorInMain` with such an error, and
// the dynamic linker, which prefers the definition in runtime.c. Checked by: tests of programs
// (AsyncMainTests, RunnerTests). Fails: the error traps, as it does without this library. That is
// also what happens if the standard library is linked statically.
void asyncio_on_error_in_main(void (*handler)(const void *error));

/// The Swift task of an `async` main, once it has started; NULL if the main is not `async`, or the
/// task is not known. Set by CAsyncIOMain, whose source says what that relies on.
void *asyncio_main_task(void);
void asyncio_set_main_task(void *task);

#endif
