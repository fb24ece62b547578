//===-- The addresses of sockets -------------------------------------------===//
// The calls that take or return an address, and the calls that are declared only for GNU programs.
#ifndef ASYNCIO_SOCKETS_H
#define ASYNCIO_SOCKETS_H

#include "include/platform.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/// Accepts a connection. The accepted socket is non-blocking and close-on-exec.
int asyncio_accept(int fd, struct sockaddr_storage *address, socklen_t *length);
int asyncio_connect(int fd, const void *address, socklen_t length);
int asyncio_bind(int fd, const void *address, socklen_t length);
int asyncio_sockname(int fd, struct sockaddr_storage *address, socklen_t *length);
int asyncio_peername(int fd, struct sockaddr_storage *address, socklen_t *length);

long asyncio_recvfrom(int fd, void *buffer, size_t count, struct sockaddr_storage *address, socklen_t *length);
/// Sends bytes to an address. `address` can be NULL for a connected socket.
long asyncio_sendto(int fd, const void *buffer, size_t count, const void *address, socklen_t length);

/// Finds the process at the other end of a Unix socket, and the process's user.
int asyncio_peer(int fd, pid_t *process, uid_t *user);

#endif
