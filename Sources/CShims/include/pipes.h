//===-- Reading and writing what is no socket -------------------------------===//
#ifndef ASYNCIO_PIPES_H
#define ASYNCIO_PIPES_H

#include <stddef.h>

long asyncio_read(int fd, void *buffer, size_t count);
/// write(2) that answers -EPIPE without the signal SIGPIPE, whatever the process does with it.
long asyncio_write(int fd, const void *buffer, size_t count);

/// Makes the descriptor non-blocking and close-on-exec.
int asyncio_prepare_descriptor(int fd);

enum {
    ASYNCIO_KIND_OTHER,
    ASYNCIO_KIND_PIPE,
    ASYNCIO_KIND_SOCKET,
    ASYNCIO_KIND_TERMINAL,
};
/// What a descriptor is (a terminal is any character device), or -errno.
int asyncio_kind(int fd);

#endif
