#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static asyncio_completion await(asyncio_ring *ring) {
    asyncio_completion completion = {0};
    while (!asyncio_ring_next(ring, &completion))
        if (!CHECK(asyncio_ring_enter(ring, 1, 10000000000) == 0)) break;
    return completion;
}

static void check_ring(uint32_t flags) {
    asyncio_ring *ring;
    int result = asyncio_ring_create(4, 8, flags, &ring);
    if (result < 0) {
        asyncio_skip(flags ? "an owned io_uring" : "io_uring", strerror(-result));
        return;
    }
    CHECK(asyncio_ring_descriptor(ring) >= 0);
    CHECK(asyncio_ring_enter(ring, 1, 1000000) == 0);
    asyncio_completion completion;
    CHECK(!asyncio_ring_next(ring, &completion) && !asyncio_ring_has_work(ring));

    // A file.
    char path[] = "/tmp/asyncio-c-XXXXXX";
    close(mkstemp(path));
    CHECK(asyncio_ring_open(ring, path, O_RDWR | O_CLOEXEC, 0, 1) == 0 && asyncio_ring_has_work(ring));
    completion = await(ring);
    int file = completion.result;
    CHECK(completion.token == 1 && file >= 0);
    char *bytes = malloc(7);
    memcpy(bytes, "content", 7);
    CHECK(asyncio_ring_write(ring, file, bytes, 7, 0, true, 2) == 0 && await(ring).result == 7);
    memset(bytes, 0, 7);
    CHECK(asyncio_ring_read(ring, file, bytes, 7, 0, false, 3) == 0 && await(ring).result == 7);
    CHECK(memcmp(bytes, "content", 7) == 0);
    CHECK(asyncio_ring_sync(ring, file, true, 4) == 0 && asyncio_ring_submit(ring) == 0 && await(ring).result == 0);
    CHECK(asyncio_ring_close(ring, file, 5) == 0 && asyncio_ring_submit_or_drop(ring) == 0);
    CHECK(await(ring).result == 0);
    free(bytes);
    unlink(path);

    // More operations than both queues have room for. The kernel keeps what does not fit.
    int ends[2];
    CHECK(pipe(ends) == 0);
    for (uint64_t token = 100; token < 120; token++)
        CHECK(asyncio_ring_poll(ring, ends[1], POLLOUT | POLLRDHUP, false, token) == 0);
    for (int i = 0; i < 20; i++) {
        completion = await(ring);
        CHECK(completion.token >= 100 && completion.token < 120 && completion.result & POLLOUT && !completion.more);
    }

    // Each change, and a cancellation.
    CHECK(asyncio_ring_poll(ring, ends[0], POLLIN | POLLRDHUP, true, 6) == 0 && asyncio_ring_submit(ring) == 0);
    CHECK(write(ends[1], "a", 1) == 1);
    completion = await(ring);
    CHECK(completion.token == 6 && completion.result & POLLIN && completion.more);
    CHECK(asyncio_ring_cancel(ring, 6) == 0);
    completion = await(ring);
    CHECK(completion.token == 6 && completion.result == -ECANCELED && !completion.more);
    CHECK(read(ends[0], path, 1) == 1);
    CHECK(asyncio_ring_poll(ring, ends[0], POLLIN | POLLRDHUP, true, 7) == 0 && asyncio_ring_submit(ring) == 0);
    CHECK(asyncio_ring_cancel_now(ring, 7) == 0 && asyncio_ring_cancel_now(ring, 7) == 0);
    completion = await(ring);
    CHECK(completion.token == 7 && completion.result == -ECANCELED);
    close(ends[0]);
    close(ends[1]);
    asyncio_ring_destroy(ring);
}

void check_rings(void) {
    asyncio_ring *ring = NULL;
    CHECK(asyncio_ring_create(0, 0, 0, &ring) < 0 && ring == NULL);
    check_ring(0);
    check_ring(ASYNCIO_RING_OWNED);
}
