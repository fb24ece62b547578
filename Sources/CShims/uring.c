// io_uring. This file is in C, because the kernel reads and writes the memory of the queues at the
// same time. The indices are atomic, and each slot must be complete before the index that publishes
// it is stored. In addition, Swift cannot import syscall(2). Only one thread at a time uses a ring.
#define _GNU_SOURCE
#include "uring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// MARK: The kernel's interface

// These numbers are the same on every architecture that Swift supports.
enum { SYSCALL_SETUP = 425, SYSCALL_ENTER = 426, SYSCALL_REGISTER = 427 };

enum {
    SETUP_CQSIZE = 1u << 3,
    SETUP_CLAMP = 1u << 4,
    SETUP_R_DISABLED = 1u << 6,
    SETUP_SUBMIT_ALL = 1u << 7,
    SETUP_TASKRUN_FLAG = 1u << 9,
    SETUP_SINGLE_ISSUER = 1u << 12,
    SETUP_DEFER_TASKRUN = 1u << 13,
};
enum {
    FEATURE_SINGLE_MMAP = 1u << 0,
    FEATURE_NODROP = 1u << 1,
    FEATURE_SUBMIT_STABLE = 1u << 2,
    FEATURE_EXT_ARG = 1u << 8,
};
enum { ENTER_GETEVENTS = 1u << 0, ENTER_EXT_ARG = 1u << 3 };
enum { REGISTER_ENABLE_RINGS = 12 };
enum { SQ_CQ_OVERFLOW = 1u << 1, SQ_TASKRUN = 1u << 2 };
enum { SQE_ASYNC = 1u << 4, SQE_CQE_SKIP_SUCCESS = 1u << 6 };
enum { CQE_MORE = 1u << 1 };
enum { POLL_ADD_MULTISHOT = 1u << 0 };
enum { FSYNC_DATASYNC = 1u << 0 };
enum { OP_FSYNC = 3, OP_POLL_ADD = 6, OP_ASYNC_CANCEL = 14, OP_OPENAT = 18, OP_CLOSE = 19, OP_READ = 22, OP_WRITE = 23 };
#define OFFSET_SQES 0x10000000ULL

typedef struct {
    uint8_t opcode, flags;
    uint16_t priority;
    int32_t fd;
    uint64_t offset;
    uint64_t address;
    uint32_t length;
    uint32_t operation_flags;
    uint64_t token;
    uint64_t rest[3];
} submission;
_Static_assert(sizeof(submission) == 64, "the kernel's size");

typedef struct {
    uint64_t token;
    int32_t result;
    uint32_t flags;
} completion;
_Static_assert(sizeof(completion) == 16, "the kernel's size");

typedef struct {
    uint32_t entries, completions, flags, thread_cpu, thread_idle, features, workers, reserved[3];
    // The offsets in the memory of the queues.
    struct {
        uint32_t head, tail, mask, entries, flags, dropped, array, reserved;
        uint64_t address;
    } sq;
    struct {
        uint32_t head, tail, mask, entries, overflow, cqes, flags, reserved;
        uint64_t address;
    } cq;
} parameters;
_Static_assert(sizeof(parameters) == 120, "the kernel's size");

typedef struct {
    int64_t seconds, nanoseconds;
} kernel_time;

typedef struct {
    uint64_t signals;
    uint32_t signals_size, reserved;
    uint64_t time;
} wait_arguments;

// MARK: A ring

struct asyncio_ring {
    int fd;
    /// Whether the ring is still disabled. The first thread that enters an owned ring enables it.
    bool disabled;

    // Indices grow without limit, and are masked to get the number of a slot. The kernel moves the
    // head of the submissions and the tail of the completions.
    _Atomic uint32_t *sq_head, *sq_tail, *sq_flags;
    uint32_t sq_mask, sq_entries;
    /// The index of the next submission. `sq_tail` is set to this index when the ring is entered.
    uint32_t sq_next;
    submission *submissions;

    _Atomic uint32_t *cq_head, *cq_tail;
    uint32_t cq_mask;
    completion *completions;

    void *queues;
    size_t queues_size, submissions_size;
};

// Tokens reserved for internal use.
static const uint64_t ignored_token = UINT64_MAX - 1, cancel_token = UINT64_MAX - 2;

static long result_of(long value) { return value < 0 ? -errno : value; }

int asyncio_ring_create(unsigned entries, unsigned completions, uint32_t flags, asyncio_ring **out) {
    parameters with = {.flags = SETUP_CLAMP | SETUP_CQSIZE, .completions = completions};
    if (flags & ASYNCIO_RING_OWNED)
        with.flags |= SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN | SETUP_TASKRUN_FLAG | SETUP_R_DISABLED | SETUP_SUBMIT_ALL;
    long fd = result_of(syscall(SYSCALL_SETUP, entries, &with));
    // An older kernel does not support the flags.
    if (fd < 0) return fd == -EINVAL ? -ENOSYS : (int)fd;

    const uint32_t needed = FEATURE_SINGLE_MMAP | FEATURE_NODROP | FEATURE_SUBMIT_STABLE | FEATURE_EXT_ARG;
    asyncio_ring *ring = NULL;
    int error = ENOSYS;
    if ((with.features & needed) != needed) goto fail;
    error = ENOMEM;
    ring = calloc(1, sizeof *ring);
    if (!ring) goto fail;
    ring->fd = (int)fd;
    ring->disabled = with.flags & SETUP_R_DISABLED;
    size_t sq_size = with.sq.array + with.entries * sizeof(uint32_t);
    size_t cq_size = with.cq.cqes + with.completions * sizeof(completion);
    ring->queues_size = sq_size > cq_size ? sq_size : cq_size;
    ring->submissions_size = with.entries * sizeof(submission);

    const int protection = PROT_READ | PROT_WRITE, kind = MAP_SHARED | MAP_POPULATE;
    ring->queues = mmap(NULL, ring->queues_size, protection, kind, (int)fd, 0);
    if (ring->queues == MAP_FAILED) {
        error = errno;
        goto fail;
    }
    void *submissions = mmap(NULL, ring->submissions_size, protection, kind, (int)fd, OFFSET_SQES);
    if (submissions == MAP_FAILED) {
        error = errno;
        munmap(ring->queues, ring->queues_size);
        goto fail;
    }
    char *base = ring->queues;
    ring->sq_head = (void *)(base + with.sq.head);
    ring->sq_tail = (void *)(base + with.sq.tail);
    ring->sq_flags = (void *)(base + with.sq.flags);
    ring->sq_entries = with.entries;
    ring->sq_mask = with.entries - 1;
    ring->submissions = submissions;
    ring->cq_head = (void *)(base + with.cq.head);
    ring->cq_tail = (void *)(base + with.cq.tail);
    ring->cq_mask = with.completions - 1;
    ring->completions = (void *)(base + with.cq.cqes);
    // The kernel allows any order of submissions. This code uses the order of the slots.
    uint32_t *order = (void *)(base + with.sq.array);
    for (uint32_t i = 0; i < with.entries; i++) order[i] = i;
    *out = ring;
    return 0;

fail:
    free(ring);
    close((int)fd);
    return -error;
}

void asyncio_ring_destroy(asyncio_ring *ring) {
    munmap(ring->submissions, ring->submissions_size);
    munmap(ring->queues, ring->queues_size);
    close(ring->fd);
    free(ring);
}

int asyncio_ring_descriptor(const asyncio_ring *ring) { return ring->fd; }

// MARK: Entering

static uint32_t queued(const asyncio_ring *ring) {
    return ring->sq_next - atomic_load_explicit(ring->sq_head, memory_order_acquire);
}

static uint32_t finished(const asyncio_ring *ring) {
    return atomic_load_explicit(ring->cq_tail, memory_order_acquire)
        - atomic_load_explicit(ring->cq_head, memory_order_relaxed);
}

static int enter(asyncio_ring *ring, unsigned completions, unsigned flags, int64_t timeout_ns) {
    if (ring->disabled) {
        long enabled = result_of(syscall(SYSCALL_REGISTER, ring->fd, REGISTER_ENABLE_RINGS, NULL, 0));
        if (enabled < 0) return (int)enabled;
        ring->disabled = false;
    }
    atomic_store_explicit(ring->sq_tail, ring->sq_next, memory_order_release);
    kernel_time time = {timeout_ns / 1000000000, timeout_ns % 1000000000};
    wait_arguments arguments = {.time = timeout_ns < 0 ? 0 : (uint64_t)(uintptr_t)&time};
    long done = syscall(
        SYSCALL_ENTER, ring->fd, queued(ring), completions, flags | ENTER_EXT_ARG, &arguments, sizeof arguments);
    // A timeout is not an error.
    return done < 0 && errno != ETIME ? -errno : 0;
}

int asyncio_ring_enter(asyncio_ring *ring, unsigned completions, int64_t timeout_ns) {
    return enter(ring, completions, ENTER_GETEVENTS, timeout_ns);
}

int asyncio_ring_submit(asyncio_ring *ring) { return enter(ring, 0, 0, -1); }

int asyncio_ring_submit_or_drop(asyncio_ring *ring) {
    // The kernel may lack memory or room for completions. Entering the ring makes room for
    // completions.
    int result = -EAGAIN;
    for (int attempt = 0; attempt < 100; attempt++) {
        result = asyncio_ring_enter(ring, 0, 0);
        if (queued(ring) == 0) return 0;
        if (result < 0 && result != -EINTR && result != -EAGAIN && result != -EBUSY) break;
    }
    ring->sq_next = atomic_load_explicit(ring->sq_head, memory_order_acquire);
    return result < 0 ? result : -EAGAIN;
}

bool asyncio_ring_has_work(const asyncio_ring *ring) {
    return ring->sq_next != atomic_load_explicit(ring->sq_head, memory_order_relaxed) || finished(ring) > 0
        || (atomic_load_explicit(ring->sq_flags, memory_order_relaxed) & (SQ_TASKRUN | SQ_CQ_OVERFLOW));
}

// MARK: Submitting

/// Clears and returns the next free slot. If the queue is full, the queue is submitted first.
static int next_submission(asyncio_ring *ring, submission **out) {
    if (queued(ring) == ring->sq_entries) {
        int result = asyncio_ring_submit(ring);
        if (result < 0) return result;
        if (queued(ring) == ring->sq_entries) return -EBUSY;
    }
    *out = &ring->submissions[ring->sq_next & ring->sq_mask];
    memset(*out, 0, sizeof **out);
    ring->sq_next += 1;
    return 0;
}

static int submit(asyncio_ring *ring, submission what) {
    submission *place;
    int result = next_submission(ring, &place);
    if (result == 0) *place = what;
    return result;
}

int asyncio_ring_poll(asyncio_ring *ring, int fd, uint32_t events, bool repeats, uint64_t token) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    events = events << 16 | events >> 16;
#endif
    return submit(ring, (submission){
        .opcode = OP_POLL_ADD, .fd = fd, .operation_flags = events, .token = token,
        .length = repeats ? POLL_ADD_MULTISHOT : 0,
    });
}

int asyncio_ring_cancel(asyncio_ring *ring, uint64_t target) {
    return submit(ring, (submission){
        .opcode = OP_ASYNC_CANCEL, .flags = SQE_CQE_SKIP_SUCCESS, .fd = -1, .address = target, .token = ignored_token,
    });
}

// This thread must not attempt the operation first, because it would open a pipe without waiting
// for the other end.
int asyncio_ring_open(asyncio_ring *ring, const char *path, int flags, uint32_t permissions, uint64_t token) {
    return submit(ring, (submission){
        .opcode = OP_OPENAT, .flags = SQE_ASYNC, .fd = AT_FDCWD, .address = (uint64_t)(uintptr_t)path, .length = permissions,
        .operation_flags = (uint32_t)flags, .token = token,
    });
}

static int transfer(
    asyncio_ring *ring, uint8_t opcode, int fd, const void *bytes, size_t count, int64_t offset, bool aside,
    uint64_t token) {
    return submit(ring, (submission){
        .opcode = opcode, .flags = aside ? SQE_ASYNC : 0, .fd = fd, .address = (uint64_t)(uintptr_t)bytes,
        .offset = (uint64_t)offset, .length = count > INT32_MAX ? INT32_MAX : (uint32_t)count, .token = token,
    });
}

int asyncio_ring_read(
    asyncio_ring *ring, int fd, void *bytes, size_t count, int64_t offset, bool aside, uint64_t token) {
    return transfer(ring, OP_READ, fd, bytes, count, offset, aside, token);
}

int asyncio_ring_write(
    asyncio_ring *ring, int fd, const void *bytes, size_t count, int64_t offset, bool aside, uint64_t token) {
    return transfer(ring, OP_WRITE, fd, bytes, count, offset, aside, token);
}

int asyncio_ring_sync(asyncio_ring *ring, int fd, bool only_data, uint64_t token) {
    return submit(ring, (submission){
        .opcode = OP_FSYNC, .fd = fd, .operation_flags = only_data ? FSYNC_DATASYNC : 0, .token = token,
    });
}

int asyncio_ring_close(asyncio_ring *ring, int fd, uint64_t token) {
    return submit(ring, (submission){.opcode = OP_CLOSE, .fd = fd, .token = token});
}

// MARK: Completions

bool asyncio_ring_next(asyncio_ring *ring, asyncio_completion *out) {
    uint32_t head = atomic_load_explicit(ring->cq_head, memory_order_relaxed);
    while (head != atomic_load_explicit(ring->cq_tail, memory_order_acquire)) {
        const completion *next = &ring->completions[head & ring->cq_mask];
        *out = (asyncio_completion){next->token, next->result, next->flags & CQE_MORE};
        atomic_store_explicit(ring->cq_head, ++head, memory_order_release);
        if (out->token != ignored_token && out->token != cancel_token) return true;
    }
    return false;
}

// A poll operation holds its file. The operation ends when the kernel does this thread's share of
// the work, but the kernel does only a limited amount of work each time the ring is entered.
// Therefore, this function enters the ring until the completion of the operation has arrived.
int asyncio_ring_cancel_now(asyncio_ring *ring, uint64_t target) {
    int result = submit(ring, (submission){.opcode = OP_ASYNC_CANCEL, .fd = -1, .address = target, .token = cancel_token});
    if (result < 0) return result;
    uint32_t seen = atomic_load_explicit(ring->cq_tail, memory_order_acquire);
    while (true) {
        result = asyncio_ring_enter(ring, 0, 0);
        if (result < 0 && result != -EINTR) return result;
        uint32_t tail = atomic_load_explicit(ring->cq_tail, memory_order_acquire);
        // The completion queue is full. The remaining completions arrive with the next wait.
        if (seen == tail) return 0;
        for (; seen != tail; seen++) {
            const completion *next = &ring->completions[seen & ring->cq_mask];
            // There is nothing to cancel, because the operation has already ended.
            if (next->token == cancel_token && next->result < 0) return 0;
            if (next->token == target && !(next->flags & CQE_MORE)) return 0;
        }
    }
}
