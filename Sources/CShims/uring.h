//===-- io_uring, without liburing -----------------------------------------===//
// A ring consists of two queues shared with the kernel: operations to perform, and their results.
// The functions below fill the first, submit it, and read the second. One thread at a time.
//
// uring.c repeats the kernel's structures, because the headers of many systems are older than the
// kernels that run on them.
#ifndef ASYNCIO_URING_H
#define ASYNCIO_URING_H

#include "include/platform.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct asyncio_ring asyncio_ring;

typedef struct {
    uint64_t token;
    /// The result of the operation's system call, or -errno.
    int32_t result;
    /// Whether more completions of the same operation will come.
    bool more;
} asyncio_completion;

enum {
    /// For one thread that waits with the ring. The kernel does its part of the work when that
    /// thread enters the ring, and shows in memory that there is some. Linux 6.1. The thread is the
    /// one that first enters the ring. On another one, entering fails with EEXIST.
    ASYNCIO_RING_OWNED = 1u << 0,
};

/// Creates a ring with room for `entries` submissions and `completions` completions, which are
/// powers of two. Fails with ENOSYS if the kernel lacks a feature.
int asyncio_ring_create(unsigned entries, unsigned completions, uint32_t flags, asyncio_ring **ring);
/// Cancels the operations in progress and frees the ring. The kernel can use the memory of the
/// operations for a moment longer.
void asyncio_ring_destroy(asyncio_ring *ring);
/// Readable when there are completions.
int asyncio_ring_descriptor(const asyncio_ring *ring);

// MARK: Submitting
//
// Each operation waits in the queue until the ring is entered. If the queue is full, it is
// submitted first, which can fail.

/// Waits until `fd` is ready for `events`, a mask of poll(2): once, or at each change if `repeats`.
/// The result is such a mask.
int asyncio_ring_poll(asyncio_ring *ring, int fd, uint32_t events, bool repeats, uint64_t token);
/// Cancels the operation `target`, which completes with ECANCELED if it has not ended. The
/// cancellation itself is not reported.
int asyncio_ring_cancel(asyncio_ring *ring, uint64_t target);

/// Opens a file on a thread of the kernel.
int asyncio_ring_open(asyncio_ring *ring, const char *path, int flags, uint32_t permissions, uint64_t token);
/// `offset` -1 means the descriptor's own position. With `aside`, a thread of the kernel does all
/// the work. Otherwise, the calling thread first does what needs no waiting.
int asyncio_ring_read(
    asyncio_ring *ring, int fd, void *bytes, size_t count, int64_t offset, bool aside, uint64_t token);
int asyncio_ring_write(
    asyncio_ring *ring, int fd, const void *bytes, size_t count, int64_t offset, bool aside, uint64_t token);
int asyncio_ring_sync(asyncio_ring *ring, int fd, bool only_data, uint64_t token);
int asyncio_ring_close(asyncio_ring *ring, int fd, uint64_t token);

// MARK: Entering

/// Submits what is queued and waits for `completions`, for at most `timeout_ns` nanoseconds, or
/// without limit if that is negative.
int asyncio_ring_enter(asyncio_ring *ring, unsigned completions, int64_t timeout_ns);
/// Submits what is queued.
int asyncio_ring_submit(asyncio_ring *ring);
/// The same, but if it fails, what was queued is dropped.
int asyncio_ring_submit_or_drop(asyncio_ring *ring);
/// Whether entering the ring would do anything: there is something to submit, or the kernel has
/// something to report.
bool asyncio_ring_has_work(const asyncio_ring *ring);
/// Cancels the operation `target` and lets the kernel end it, so that it no longer holds its
/// descriptor. Completions are not taken.
int asyncio_ring_cancel_now(asyncio_ring *ring, uint64_t target);

// MARK: Completions

/// Takes the oldest completion. Returns false if the ring has no completion.
bool asyncio_ring_next(asyncio_ring *ring, asyncio_completion *completion);

#endif
