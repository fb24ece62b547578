//===-- io_uring, without liburing -----------------------------------------===//
// A ring consists of two queues shared with the kernel: operations to perform, and their results.
// The functions below fill the first queue, submit it, and read the second queue. Only one thread
// at a time can use a ring.
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
    /// Whether the same operation will complete again.
    bool more;
} asyncio_completion;

enum {
    /// The ring belongs to one thread, which waits with the ring. The kernel does its part of the
    /// work when that thread enters the ring, and shows in memory whether there is any work. This
    /// requires Linux 6.1. The ring belongs to the first thread that enters it. On any other
    /// thread, entering the ring fails with EEXIST.
    ASYNCIO_RING_OWNED = 1u << 0,
};

/// Creates a ring with room for `entries` submissions and `completions` completions, which must be
/// powers of two. Fails with ENOSYS if the kernel lacks a feature.
int asyncio_ring_create(unsigned entries, unsigned completions, uint32_t flags, asyncio_ring **ring);
/// Cancels the operations in progress and frees the ring. The kernel can use the memory of the
/// operations for a moment longer.
void asyncio_ring_destroy(asyncio_ring *ring);
/// Returns a descriptor that is readable when there are completions.
int asyncio_ring_descriptor(const asyncio_ring *ring);

// MARK: Submitting
//
// Each operation waits in the queue until the ring is entered. If the queue is full, the queue is
// submitted first, which can fail.

/// Waits until `fd` is ready for `events`, which is a mask of poll(2). The operation completes
/// once, or at each change if `repeats` is true. The result is also a mask of poll(2).
int asyncio_ring_poll(asyncio_ring *ring, int fd, uint32_t events, bool repeats, uint64_t token);
/// Cancels the operation `target`, which completes with ECANCELED if it has not ended. The
/// cancellation itself is not reported.
int asyncio_ring_cancel(asyncio_ring *ring, uint64_t target);

/// Opens a file on a kernel thread.
int asyncio_ring_open(asyncio_ring *ring, const char *path, int flags, uint32_t permissions, uint64_t token);
/// Reads bytes from a file. `offset` -1 means the descriptor's current position. With `aside`, a
/// kernel thread does all the work. Otherwise, the calling thread first does the work that requires
/// no waiting.
int asyncio_ring_read(
    asyncio_ring *ring, int fd, void *bytes, size_t count, int64_t offset, bool aside, uint64_t token);
int asyncio_ring_write(
    asyncio_ring *ring, int fd, const void *bytes, size_t count, int64_t offset, bool aside, uint64_t token);
int asyncio_ring_sync(asyncio_ring *ring, int fd, bool only_data, uint64_t token);
int asyncio_ring_close(asyncio_ring *ring, int fd, uint64_t token);

// MARK: Entering

/// Submits the queued operations and waits for `completions`, for at most `timeout_ns` nanoseconds,
/// or without a limit if `timeout_ns` is negative.
int asyncio_ring_enter(asyncio_ring *ring, unsigned completions, int64_t timeout_ns);
/// Submits the queued operations.
int asyncio_ring_submit(asyncio_ring *ring);
/// Submits the queued operations. If this fails, the operations are dropped.
int asyncio_ring_submit_or_drop(asyncio_ring *ring);
/// Whether entering the ring would have an effect, because there are operations to submit or the
/// kernel has something to report.
bool asyncio_ring_has_work(const asyncio_ring *ring);
/// Cancels the operation `target` and lets the kernel end it, so that it no longer holds its
/// descriptor. Completions are not taken.
int asyncio_ring_cancel_now(asyncio_ring *ring, uint64_t target);

// MARK: Completions

/// Takes the oldest completion. Returns false if the ring has no completion.
bool asyncio_ring_next(asyncio_ring *ring, asyncio_completion *completion);

#endif
