//===-- The channel of the tool that looks into a program ------------------===//
// A Unix socket in a directory of the user's. Blocking calls with time limits: made by a
// thread that has nothing else to do. All return -errno if they fail.
#ifndef ASYNCIO_INSPECTION_SOCKET_H
#define ASYNCIO_INSPECTION_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Makes a directory that only its owner may enter, or checks that it is one: neither a
/// link, nor somebody else's, nor open to others.
int asyncio_private_directory(const char *path);
/// Listens at a path, in place of what was there. The directory must be private.
int asyncio_inspection_listen(const char *path);
/// Waits for a client of the same user, or of root; others are sent away.
int asyncio_inspection_accept(int fd);
/// Connects to a path, and tells which process of which user listens there.
int asyncio_inspection_connect(const char *path, pid_t *peer, uid_t *user);
/// Reads at most `count` bytes, waiting `timeout_ms` at most.
long asyncio_inspection_read(int fd, void *buffer, size_t count, int timeout_ms);
/// Writes what there is room for, waiting `timeout_ms` at most. Returns how much.
long asyncio_inspection_write(int fd, const void *buffer, size_t count, int timeout_ms);

/// The user of a process, or -errno.
int64_t asyncio_process_owner(pid_t pid);
/// Has a signal written to a pipe, and returns the end to read from; -EBUSY if it has a
/// handler already. One signal a process.
int asyncio_signal_pipe(int signal);
/// Waits for the signal; false if the pipe is broken.
bool asyncio_signal_wait(int fd);

/// Columns and rows of the terminal `fd`; false if it is none.
bool asyncio_terminal_size(int fd, int *columns, int *rows);

/// This program's name.
const char *asyncio_program_name(void);

#endif
