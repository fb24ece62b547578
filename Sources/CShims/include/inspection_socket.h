//===-- The channel of the inspection tool ---------------------------------===//
// A Unix socket in a directory of the user. The calls block with time limits, and are made by a
// thread that has nothing else to do. All return -errno if they fail.
#ifndef ASYNCIO_INSPECTION_SOCKET_H
#define ASYNCIO_INSPECTION_SOCKET_H

#include "platform.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Creates a directory that only its owner can enter, or checks that an existing one is such a
/// directory: neither a link, nor another user's, nor accessible to others.
int asyncio_private_directory(const char *path);
/// Listens at a path, replacing what was there. The directory must be private.
int asyncio_inspection_listen(const char *path);
/// Waits for a client of the same user or of root. Others are rejected.
int asyncio_inspection_accept(int fd);
/// Connects to a path, and returns the process and the user that listen there.
int asyncio_inspection_connect(const char *path, pid_t *peer, uid_t *user);
/// Reads at most `count` bytes, waiting for at most `timeout_ms` milliseconds.
long asyncio_inspection_read(int fd, void *buffer, size_t count, int timeout_ms);
/// Writes as much as there is room for, waiting for at most `timeout_ms` milliseconds. Returns the
/// number of bytes.
long asyncio_inspection_write(int fd, const void *buffer, size_t count, int timeout_ms);

/// The user of a process, or -errno.
int64_t asyncio_process_owner(pid_t pid);
/// Installs a handler that writes to a pipe, and returns the end to read from. Fails with -EBUSY if
/// the signal already has a handler. Only one signal per process.
int asyncio_signal_pipe(int signal);
/// Waits for the signal. Returns false if the pipe is broken.
bool asyncio_signal_wait(int fd);

/// The columns and rows of the terminal `fd`. Returns false if it is not a terminal.
bool asyncio_terminal_size(int fd, int *columns, int *rows);

/// The name of this program.
const char *asyncio_program_name(void);

#endif
