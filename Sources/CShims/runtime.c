// The parts of the Swift runtime that the library needs. runtime.h describes what each part relies
// on. This file is in C, because it calls functions with Swift's calling convention by name,
// replaces a function, and reads objects whose layout Swift does not show. Reading a task must be
// safe with any memory. Therefore, the kernel reads the memory, so that a wrong address causes an
// error, not a crash.
#define _GNU_SOURCE
#include "runtime.h"

#include "async_frames.h"
#include "code_map.h"

#include <dlfcn.h>
#include <stdlib.h>

// MARK: Suspended tasks

// These variables describe the layout of the runtime's objects to debuggers.
extern const uint32_t _swift_concurrency_debug_internal_layout_version __attribute__((weak));
extern const void *const _swift_concurrency_debug_asyncTaskMetadata __attribute__((weak));

// A task in layout version 1 on 64-bit machines. It consists of a heap object (16 bytes), the
// scheduler's data (16 bytes), flags and an ID (8 bytes), reserved space (16 bytes), and then the
// function to resume and its context. In this structure and in a context, the low bits of pointers
// have a separate meaning.

typedef struct {
    uintptr_t parent;
    uintptr_t resume_parent;
} context_header;

int asyncio_follow_contexts(uintptr_t context, uintptr_t *frames, int capacity) {
    int count = 0;
    while (context != 0 && context % 8 == 0 && count < capacity) {
        context_header header;
        if (!asyncio_read_memory(context, &header, sizeof header) || header.resume_parent == 0) break;
        frames[count++] = header.resume_parent;
        if (header.parent == context) break;
        context = header.parent;
    }
    return count;
}

int asyncio_async_frames(const void *task, uintptr_t *frames, int capacity) {
    if (sizeof(void *) != 8 || capacity < 1 || task == NULL) return 0;
    if (&_swift_concurrency_debug_internal_layout_version != NULL &&
        _swift_concurrency_debug_internal_layout_version > 1)
        return 0;
    uintptr_t metadata;
    if (!asyncio_read_memory((uintptr_t)task, &metadata, sizeof metadata)) return 0;
    if (&_swift_concurrency_debug_asyncTaskMetadata != NULL &&
        metadata != (uintptr_t)_swift_concurrency_debug_asyncTaskMetadata)
        return 0;
    struct { uintptr_t function, context; } resume;
    if (!asyncio_read_memory((uintptr_t)task + ASYNCIO_TASK_RESUME, &resume, sizeof resume)) return 0;
    frames[0] = resume.function;
    int count = 1 + asyncio_follow_contexts(resume.context, frames + 1, capacity - 1);
    // If any address is not in code, the memory is not a chain of frames.
    return asyncio_are_code(frames, count) ? count : 0;
}

uint32_t asyncio_task_number(const void *task) {
    uint32_t number = 0;
    asyncio_read_memory((uintptr_t)task + ASYNCIO_TASK_NUMBER, &number, sizeof number);
    return number;
}

// MARK: Errors that leave the program

// If a program's main function or its top-level code throws an error, the program calls
// swift_errorInMain of the standard library with this error. The function in this file replaces
// swift_errorInMain, because the executable's own definition takes precedence over those in shared
// libraries. If the standard library is linked statically, the library's function takes precedence,
// because the function in this file is weak.

static void (*on_error_in_main)(const void *error) = NULL;

void asyncio_on_error_in_main(void (*handler)(const void *error)) { on_error_in_main = handler; }

ASYNCIO_SWIFTCALL void swift_errorInMain(void *error);

__attribute__((weak)) ASYNCIO_SWIFTCALL void swift_errorInMain(void *error) {
    if (on_error_in_main) on_error_in_main(error);
    typedef ASYNCIO_SWIFTCALL void standard_librarys(void *error);
    standard_librarys *next = (standard_librarys *)dlsym(RTLD_NEXT, "swift_errorInMain");
    if (next) next(error);
    abort();
}

// MARK: The task of an async main

static void *main_task = NULL;

void *asyncio_main_task(void) { return main_task; }
void asyncio_set_main_task(void *task) { main_task = task; }
