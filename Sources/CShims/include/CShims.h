//===-- Functions of C that Swift cannot import ----------------------------===//
// Every function is a thin wrapper whose signature Swift can import. A function that can fail
// returns -errno, so that nothing can overwrite errno between the call and the check.
#ifndef ASYNCIO_CSHIMS_H
#define ASYNCIO_CSHIMS_H

#include "platform.h"

#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "dispatch_queue.h"
#include "files.h"
#include "inspect.h"
#include "inspection_socket.h"
#include "pipes.h"
#include "program.h"
#include "signals.h"
#include "spawn.h"
#include "tls.h"
#include "uring.h"

// MARK: The loop that runs on this thread

// One word per thread: the event loop that is running on it, or NULL. Every entry point of the
// library reads it first.
extern __thread void *asyncio_thread_loop __attribute__((tls_model("initial-exec")));

static inline void *asyncio_loop_get(void) { return asyncio_thread_loop; }
static inline void asyncio_loop_set(void *loop) { asyncio_thread_loop = loop; }

// True on the thread that will run an async main, until its loop exists.
extern __thread bool asyncio_thread_awaits_main __attribute__((tls_model("initial-exec")));

static inline bool asyncio_awaits_main(void) { return asyncio_thread_awaits_main; }
static inline void asyncio_set_awaits_main(bool awaits) { asyncio_thread_awaits_main = awaits; }

// Whether a loop was closed before all of its tasks had ended; see AbandonedTasks.swift.
extern bool asyncio_abandoned;
static inline bool asyncio_has_abandoned_tasks(void) { return __atomic_load_n(&asyncio_abandoned, __ATOMIC_RELAXED); }
static inline void asyncio_set_has_abandoned_tasks(void) { __atomic_store_n(&asyncio_abandoned, true, __ATOMIC_RELAXED); }

// MARK: The stack

// The last quarter of this thread's stack. It ends at `limit` and has `span` bytes. Both are 0
// until they are needed.
extern __thread uintptr_t asyncio_thread_stack_limit __attribute__((tls_model("initial-exec")));
extern __thread uintptr_t asyncio_thread_stack_span __attribute__((tls_model("initial-exec")));
void asyncio_find_stack(void);

// Whether less than a quarter of the stack is left. False on a stack that is not the thread's own.
static inline bool asyncio_stack_is_low(void) {
    if (__builtin_expect(asyncio_thread_stack_limit == 0, 0)) asyncio_find_stack();
    return asyncio_thread_stack_limit - (uintptr_t)__builtin_frame_address(0) <= asyncio_thread_stack_span;
}

// MARK: The Swift runtime

#if __has_attribute(swiftcall)
#define ASYNCIO_SWIFTCALL __attribute__((swiftcall))
#else
#define ASYNCIO_SWIFTCALL
#endif

extern ASYNCIO_SWIFTCALL void *swift_task_getCurrent(void);
extern ASYNCIO_SWIFTCALL void swift_task_cancel(void *task);

/// The Swift task that is running on this thread, or NULL.
static inline void *asyncio_task_current(void) { return swift_task_getCurrent(); }
/// Sets the native cancellation flag of a Swift task and runs its handlers.
static inline void asyncio_task_cancel(void *task) { swift_task_cancel(task); }

// MARK: Prefetching

static inline void asyncio_prefetch(uintptr_t address, int lines) {
    for (int line = 0; line < lines; line++) __builtin_prefetch((const char *)address + 64 * line);
}
/// Prefetches the frames of a suspended Swift task.
static inline void asyncio_prefetch_frames(uintptr_t task) {
    asyncio_prefetch(*(const uintptr_t *)(task + ASYNCIO_TASK_RESUME_CONTEXT), 4);
}

// MARK: Time

/// Nanoseconds of CLOCK_BOOTTIME, the clock of Swift's ContinuousClock.
int64_t asyncio_now(void);

// MARK: epoll and eventfd

typedef struct {
    uint64_t token;
    uint32_t events;
} asyncio_event;

enum {
    ASYNCIO_READABLE = 1u << 0,
    ASYNCIO_WRITABLE = 1u << 1,
    /// The peer sends no more, or the descriptor is in an error state. No edge will follow.
    ASYNCIO_HANGUP = 1u << 2,
    ASYNCIO_EDGE = 1u << 3,
};

int asyncio_epoll_create(void);
/// `interest` is a mask of ASYNCIO_READABLE, _WRITABLE and _EDGE.
int asyncio_epoll_add(int poller, int fd, uint32_t interest, uint64_t token);
int asyncio_epoll_modify(int poller, int fd, uint32_t interest, uint64_t token);
int asyncio_epoll_remove(int poller, int fd);
/// Waits for at most `timeout_ns` nanoseconds, or without limit if it is negative.
int asyncio_epoll_wait(int poller, asyncio_event *events, int capacity, int64_t timeout_ns);

int asyncio_eventfd_create(void);
void asyncio_eventfd_signal(int fd);

// MARK: Sockets

int asyncio_socket(int family, int type, int protocol);
int asyncio_accept(int fd, struct sockaddr_storage *address, socklen_t *length);
int asyncio_connect(int fd, const void *address, socklen_t length);
int asyncio_bind(int fd, const void *address, socklen_t length);
int asyncio_listen(int fd, int backlog);
int asyncio_setsockopt(int fd, int level, int option, int value);
int asyncio_reset_on_close(int fd);
/// Returns an integer option, or -errno.
int asyncio_getsockopt(int fd, int level, int option);
int asyncio_socket_error(int fd);
int asyncio_sockname(int fd, struct sockaddr_storage *address, socklen_t *length);
int asyncio_peername(int fd, struct sockaddr_storage *address, socklen_t *length);
long asyncio_recv(int fd, void *buffer, size_t count);
long asyncio_send(int fd, const void *buffer, size_t count);
/// The same for several buffers.
long asyncio_sendmsg(int fd, const struct iovec *places, size_t count);
int asyncio_shutdown_write(int fd);
int asyncio_close(int fd);
/// memmem(3), which the C library declares only for GNU programs.
const void *asyncio_find(const void *bytes, size_t count, const void *wanted, size_t length);

// MARK: Threads

/// Starts a detached thread that runs `body(context)`. It does not block signals, because a process
/// started from a thread that blocks signals would block them too.
int asyncio_thread_start(const char *name, void (*body)(void *), void *context);
/// Waits for the semaphore for at most `timeout_ns`. Returns false after a timeout.
bool asyncio_semaphore_wait(sem_t *semaphore, int64_t timeout_ns);
/// The system's ID of the calling thread.
int asyncio_thread_number(void);
/// Ends the system call that a thread waits in, if any, and those that it makes later. For threads
/// that do one operation and end. Call it again until the thread has ended, because it may come too
/// early.
void asyncio_thread_interrupt(int number);
/// Whether asyncio_thread_interrupt was called for the calling thread.
bool asyncio_is_thread_interrupted(void);
/// Blocks the calling thread.
void asyncio_thread_pause(int64_t nanoseconds);
int asyncio_cpu_count(void);
bool asyncio_is_main_thread(void);

// MARK: Limits and memory

int asyncio_descriptor_limit(uint64_t *soft, uint64_t *hard);
int asyncio_descriptor_limit_set(uint64_t soft);
/// The peak resident memory of this process, in bytes.
uint64_t asyncio_peak_memory(void);
bool asyncio_is_terminal(int fd);
/// The number of columns of the terminal `fd`, or 0.
int asyncio_terminal_width(int fd);

#endif
