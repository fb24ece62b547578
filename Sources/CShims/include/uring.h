//===-- io_uring, without liburing -----------------------------------------===//
// A ring is two queues shared with the kernel: what is to be done, and what was done. The
// functions below fill the first, hand it over, and read the second. One thread at a time.
//
// The kernel's structures are spelled out in uring.c, since the headers of many systems are
// older than the kernels that run there.
#ifndef ASYNCIO_URING_H
#define ASYNCIO_URING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct asyncio_ring asyncio_ring;

typedef struct {
    uint64_t token;
    /// What the operation's system call would have returned, or -errno.
    int32_t result;
    /// More completions of the same operation will come.
    bool more;
} asyncio_completion;

enum {
    /// For one thread that waits with the ring: the kernel does its part of the work when
    /// that thread enters it, and says in memory that there is some. Linux 6.1. The thread is
    /// the one that first enters the ring; on another, entering fails with EEXIST.
    ASYNCIO_RING_OWNED = 1u << 0,
};

/// Makes a ring with room for `entries` submissions and `completions` completions, powers of
/// two. What the kernel lacks is ENOSYS.
int asyncio_ring_create(unsigned entries, unsigned completions, uint32_t flags, asyncio_ring **ring);
/// Cancels what is in flight and frees the ring; the kernel may use the memory of operations
/// a moment longer.
void asyncio_ring_destroy(asyncio_ring *ring);
/// Readable when there are completions.
int asyncio_ring_descriptor(const asyncio_ring *ring);

// MARK: Submitting: each waits in the queue until the ring is entered. A full queue is handed
// over first, which can fail.

/// Waits until `fd` is ready for `interest`, a mask of ASYNCIO_READABLE, _WRITABLE and _EDGE:
/// once, or with _EDGE at each change. The result is a mask of poll's; see asyncio_ring_ready.
int asyncio_ring_poll(asyncio_ring *ring, int fd, uint32_t interest, uint64_t token);
/// Cancels the operation `target`, which completes as ECANCELED if it is still there. The
/// cancellation itself is not reported.
int asyncio_ring_cancel(asyncio_ring *ring, uint64_t target);

/// A thread of the kernel's opens it.
int asyncio_ring_open(asyncio_ring *ring, const char *path, int flags, uint32_t permissions, uint64_t token);
/// `offset` -1 means the descriptor's own position. With `aside`, a thread of the kernel's does
/// all of it; else this one first does what needs no waiting.
int asyncio_ring_read(
    asyncio_ring *ring, int fd, void *bytes, size_t count, int64_t offset, bool aside, uint64_t token);
int asyncio_ring_write(
    asyncio_ring *ring, int fd, const void *bytes, size_t count, int64_t offset, bool aside, uint64_t token);
int asyncio_ring_sync(asyncio_ring *ring, int fd, bool only_data, uint64_t token);
int asyncio_ring_close(asyncio_ring *ring, int fd, uint64_t token);

// MARK: Entering

/// Hands over what is queued and waits for `completions`, for `timeout_ns` nanoseconds at most,
/// for ever if that is negative.
int asyncio_ring_enter(asyncio_ring *ring, unsigned completions, int64_t timeout_ns);
/// Hands over what is queued.
int asyncio_ring_submit(asyncio_ring *ring);
/// The same, now or never: if it fails, what was queued is forgotten.
int asyncio_ring_submit_or_drop(asyncio_ring *ring);
/// Whether entering the ring would do anything: there is something to hand over, or the
/// kernel has something to report.
bool asyncio_ring_has_work(const asyncio_ring *ring);
/// Cancels the operation `target` and lets the kernel end it, so that it holds its descriptor
/// no more. Completions stay where they are.
int asyncio_ring_cancel_now(asyncio_ring *ring, uint64_t target);

// MARK: Completions

/// Takes the oldest completion; false if there is none.
bool asyncio_ring_next(asyncio_ring *ring, asyncio_completion *completion);
/// What a poll's result means, as a mask of ASYNCIO_READABLE, _WRITABLE and _HANGUP.
uint32_t asyncio_ring_ready(int32_t result);

// MARK: Descriptors

/// 0 if a poller can watch `fd`, -EPERM if it cannot (a regular file), -EBADF if it is none:
/// what epoll answers. A ring itself would call a regular file always ready.
int asyncio_check_pollable(int fd);

#endif
