//===-- epoll --------------------------------------------------------------===//
#ifndef ASYNCIO_EPOLL_H
#define ASYNCIO_EPOLL_H

#include "include/platform.h"

#include <stdint.h>

/// The kernel's struct epoll_event, without the union. `events` is a mask of EPOLLIN and similar
/// flags.
#if defined(__x86_64__)
typedef struct __attribute__((packed)) {
#else
typedef struct {
#endif
    uint32_t events;
    uint64_t token;
} asyncio_event;

int asyncio_epoll_create(void);
/// Adds a descriptor. `events` is a mask as above.
int asyncio_epoll_add(int poller, int fd, uint32_t events, uint64_t token);
int asyncio_epoll_modify(int poller, int fd, uint32_t events, uint64_t token);
int asyncio_epoll_remove(int poller, int fd);
/// Waits for at most `timeout_ns` nanoseconds, or without a limit if `timeout_ns` is negative. The
/// kernel writes to `events`, which has room for `capacity` events.
int asyncio_epoll_wait(int poller, asyncio_event *events, int capacity, int64_t timeout_ns);

#endif
