//===-- Files that are in memory -------------------------------------------===//
#ifndef ASYNCIO_FILES_H
#define ASYNCIO_FILES_H

#include "include/platform.h"

#include <stddef.h>
#include <stdint.h>

/// O_PATH, which the C library declares only for GNU programs.
enum { ASYNCIO_O_PATH = 010000000 };

/// Opens a file if the system can do that without accessing a disk. `flags` as for open(2), without
/// those that create or change the file. Close-on-exec is added. Fails with EAGAIN if it cannot;
/// with ENOSYS or EINVAL if the system cannot tell (before Linux 5.12).
int asyncio_open_cached(const char *path, int flags);
/// Reads what is in memory. `offset` -1 means the descriptor's own position. Fails with EAGAIN if
/// nothing is, and with EOPNOTSUPP if the file system cannot tell.
long asyncio_read_cached(int fd, void *bytes, size_t count, int64_t offset);

#endif
