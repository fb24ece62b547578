#define _GNU_SOURCE
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// MARK: What the runtime provides

const uint32_t _swift_concurrency_debug_internal_layout_version = 1;
static const int metadata;
const void *const _swift_concurrency_debug_asyncTaskMetadata = &metadata;

static void *current, *cancelled;
ASYNCIO_SWIFTCALL void *swift_task_getCurrent(void) { return current; }
ASYNCIO_SWIFTCALL void swift_task_cancel(void *task) { cancelled = task; }
extern ASYNCIO_SWIFTCALL void swift_errorInMain(void *error);

static void exit_with(const void *error) { _exit(*(const int *)error); }
static void leave(const void *error) { (void)error; }
static int error_status = 9;
static void throw_to_handler(void) {
    asyncio_on_error_in_main(exit_with);
    swift_errorInMain(&error_status);
}
static void throw_to_runtime(void) {
    asyncio_on_error_in_main(leave);
    swift_errorInMain(&error_status);
}

typedef struct context {
    struct context *parent;
    void (*resume)(void);
} context;

static void waits(void) {}
static void awaits(void) {}
static void is_first(void) {}

/// An object with the layout of a suspended task.
typedef union {
    unsigned char bytes[128];
    void *words[16];
} task;

static void lay_out(task *it, context *frames) {
    memset(it, 0, sizeof *it);
    it->words[0] = (void *)&metadata;
    memcpy(it->bytes + ASYNCIO_TASK_NUMBER, &(uint32_t){77}, 4);
    void (*resume)(void) = waits;
    memcpy(it->bytes + ASYNCIO_TASK_RESUME, &resume, sizeof resume);
    memcpy(it->bytes + ASYNCIO_TASK_RESUME_CONTEXT, &frames, sizeof frames);
}

void check_runtime(void) {
    context outer = {NULL, is_first}, inner = {&outer, awaits};
    task *suspended = malloc(sizeof *suspended);
    lay_out(suspended, &inner);
    uintptr_t *frames = malloc(3 * sizeof *frames);
    if (CHECK(asyncio_async_frames(suspended, frames, 3) == 3)) {
        CHECK(frames[0] == (uintptr_t)waits && frames[1] == (uintptr_t)awaits && frames[2] == (uintptr_t)is_first);
    }
    CHECK(asyncio_async_frames(suspended, frames, 2) == 2);
    CHECK(asyncio_async_frames(suspended, frames, 0) == 0);
    CHECK(asyncio_task_number(suspended) == 77);
    asyncio_prefetch_frames((uintptr_t)suspended);

    // A loop of contexts, an address that is no code, another kind of object, and no memory at all.
    outer.parent = &outer;
    CHECK(asyncio_async_frames(suspended, frames, 3) == 3);
    outer.parent = (context *)8;
    CHECK(asyncio_async_frames(suspended, frames, 3) == 3);
    inner.resume = (void (*)(void))(uintptr_t)&outer;
    CHECK(asyncio_async_frames(suspended, frames, 3) == 0);
    suspended->words[0] = suspended;
    CHECK(asyncio_async_frames(suspended, frames, 3) == 0);
    CHECK(asyncio_async_frames((const void *)8, frames, 3) == 0 && asyncio_async_frames(NULL, frames, 3) == 0);
    CHECK(asyncio_task_number((const void *)8) == 0);

    current = suspended;
    CHECK(asyncio_task_current() == suspended);
    asyncio_task_cancel(suspended);
    CHECK(cancelled == suspended);
    asyncio_set_main_task(suspended);
    CHECK(asyncio_main_task() == suspended);
    asyncio_set_main_task(NULL);
    free(frames);
    free(suspended);

    int status = asyncio_in_child(throw_to_handler);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == error_status);
    // This program does not contain the standard library, which would trap.
    status = asyncio_in_child(throw_to_runtime);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

// MARK: Threads

static asyncio_thread_place place;
static volatile bool is_ready, is_over;
static int pipe_ends[2];

__attribute__((noinline)) static void compute(void) {
    while (!is_over) {}
}

static void *busy(void *unused) {
    place = asyncio_this_thread();
    is_ready = true;
    compute();
    return unused;
}

static void *blocked(void *unused) {
    place = asyncio_this_thread();
    is_ready = true;
    char byte;
    return read(pipe_ends[0], &byte, 1) == 1 ? unused : NULL;
}

static void look_at(void *(*body)(void *), uintptr_t *frames, int capacity) {
    pthread_t thread;
    is_ready = is_over = false;
    if (!CHECK(pthread_create(&thread, NULL, body, NULL) == 0)) return;
    while (!is_ready) usleep(1000);
    usleep(20000);
    int first_async = 0, found = 0;
    for (int i = 0; i < 20; i++) {
        int count = asyncio_thread_frames(place, frames, capacity, &first_async);
        if (!CHECK(count >= 0 && count <= capacity && first_async == -1)) break;
        if (count > 0) found += 1;
    }
    CHECK(found > 0);
    is_over = true;
    if (body == blocked) CHECK(write(pipe_ends[1], "", 1) == 1);
    pthread_join(thread, NULL);
    // The thread has ended.
    CHECK(asyncio_thread_frames(place, frames, capacity, &first_async) == 0);
}

void check_frames(void) {
    CHECK(pipe(pipe_ends) == 0);
    enum { CAPACITY = 16 };
    uintptr_t *frames = malloc(CAPACITY * sizeof *frames);
    int count = asyncio_own_frames(frames, CAPACITY);
    CHECK(count > 0 && count <= CAPACITY);
    CHECK(asyncio_own_frames(frames, 1) <= 1);
    look_at(busy, frames, CAPACITY);
    look_at(blocked, frames, CAPACITY);
    look_at(busy, frames, 2);
    int first_async;
    CHECK(asyncio_thread_frames(asyncio_this_thread(), frames, CAPACITY, &first_async) >= 0);
    CHECK(asyncio_thread_frames(place, frames, 1, &first_async) == 0);
    free(frames);
    close(pipe_ends[0]);
    close(pipe_ends[1]);

    asyncio_pulse *pulse = asyncio_pulse_make();
    CHECK(asyncio_pulse_step(pulse, &place) == 0 && asyncio_pulse_task(pulse) == &place);
    asyncio_pulse_raise(pulse, ASYNCIO_PULSE_HELD);
    CHECK(asyncio_barrier_for_all() && asyncio_barrier_for_all());
    CHECK(asyncio_pulse_step(pulse, NULL) == ASYNCIO_PULSE_HELD && asyncio_pulse_steps(pulse) == 2);
    CHECK(asyncio_pulse_set_task(pulse, &place) == asyncio_pulse_flags(pulse));
    asyncio_pulse_lower(pulse, ASYNCIO_PULSE_HELD);
    asyncio_pulse_poll(pulse);
    asyncio_pulse_set_now(pulse, 5);
    CHECK(asyncio_pulse_flags(pulse) == 0 && asyncio_pulse_polls(pulse) == 1 && asyncio_pulse_now(pulse) == 5);
    asyncio_pulse_free(pulse);
}
