//===-- Files that are in memory -------------------------------------------===//
#ifndef ASYNCIO_FILES_H
#define ASYNCIO_FILES_H

#include "include/platform.h"

#include <stddef.h>
#include <stdint.h>

/// O_PATH, which the C library declares only for GNU programs.
enum { ASYNCIO_O_PATH = 010000000 };

/// Opens a file if the system can do this without accessing a disk. `flags` are the flags of
/// open(2), except for those that create or change the file. The close-on-exec flag is added. Fails
/// with EAGAIN if the system would have to access a disk, and with ENOSYS or EINVAL if the system
/// cannot determine this (before Linux 5.12).
int asyncio_open_cached(const char *path, int flags);
/// Reads bytes that are in memory. `offset` -1 means the descriptor's current position. Fails with
/// EAGAIN if no bytes are in memory, and with EOPNOTSUPP if the file system cannot determine this.
long asyncio_read_cached(int fd, void *bytes, size_t count, int64_t offset);

#endif
