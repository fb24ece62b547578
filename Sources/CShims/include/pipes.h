//===-- Reading and writing descriptors other than sockets ------------------===//
#ifndef ASYNCIO_PIPES_H
#define ASYNCIO_PIPES_H

#include "platform.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

long asyncio_read(int fd, void *buffer, size_t count);
/// write(2) that fails with -EPIPE without raising SIGPIPE, whatever the process does with that
/// signal.
long asyncio_write(int fd, const void *buffer, size_t count);
/// The same for several buffers.
long asyncio_writev(int fd, const struct iovec *places, size_t count);

/// Makes the descriptor non-blocking and close-on-exec.
int asyncio_prepare_descriptor(int fd);
bool asyncio_is_nonblocking(int fd);

enum {
    ASYNCIO_KIND_OTHER,
    ASYNCIO_KIND_PIPE,
    ASYNCIO_KIND_SOCKET,
    ASYNCIO_KIND_TERMINAL,
    ASYNCIO_KIND_FILE,
};
/// The kind of a descriptor (a terminal is any character device), or -errno.
int asyncio_kind(int fd);
/// Whether the descriptor supports reading and writing but cannot be watched by a poller: a file, a
/// disk, /dev/null, and so on.
bool asyncio_is_unwatchable(int fd);
/// A new descriptor for the target of standard descriptor `fd`. It is non-blocking only if that
/// does not affect others who share the target. If the program was started without the descriptor,
/// it is one for /dev/null.
int asyncio_open_standard(int fd);

// MARK: Datagrams

long asyncio_recvfrom(int fd, void *buffer, size_t count, struct sockaddr_storage *address, socklen_t *length);
/// `address` can be NULL for a connected socket.
long asyncio_sendto(int fd, const void *buffer, size_t count, const void *address, socklen_t length);

// MARK: Files

/// sendfile(2) from `offset`, which is advanced by the number of bytes sent.
long asyncio_sendfile(int out, int in, int64_t *offset, size_t count);
long asyncio_pread(int fd, void *buffer, size_t count, int64_t offset);
/// Moves the position of a file to `offset`.
int asyncio_seek(int fd, int64_t offset);

#endif
