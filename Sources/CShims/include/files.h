//===-- Files --------------------------------------------------------------===//
// Calls that can block, for threads, and a few that cannot.
#ifndef ASYNCIO_FILES_H
#define ASYNCIO_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// `flags` as for open(2). Close-on-exec is added.
int asyncio_file_open(const char *path, int flags, uint32_t permissions);
/// The same, but fails with EAGAIN if it would have to wait, for the other end of a pipe for
/// example.
int asyncio_file_open_unless_blocking(const char *path, int flags, uint32_t permissions);
/// Whether `path` leads to a regular file or a directory, and not to a pipe or a device, as far as
/// the system knows without accessing a disk. Returns an error if it does not know.
int asyncio_file_kind_now(const char *path);
/// Here and below, `offset` -1 means the descriptor's own position.
long asyncio_file_read(int fd, void *bytes, size_t count, int64_t offset);
/// Opens a regular file if the system can do that without accessing a disk. Fails with EAGAIN if it
/// cannot, or if `path` leads to something else. Never creates or truncates a file.
int asyncio_file_open_now(const char *path, int flags);
/// Reads what is in memory. Fails with EAGAIN if nothing is.
long asyncio_file_read_now(int fd, void *bytes, size_t count, int64_t offset);
long asyncio_file_write(int fd, const void *bytes, size_t count, int64_t offset);
int asyncio_file_sync(int fd, bool only_data);
int asyncio_file_truncate(int fd, int64_t size);

typedef struct {
    int64_t size;
    uint32_t permissions;
    bool is_regular;
    bool is_directory;
    /// Whether the file still has a name, so that closing it does not delete it.
    bool is_linked;
} asyncio_file_facts;

int asyncio_file_look(int fd, asyncio_file_facts *facts);
/// Whether reads and writes have positions.
bool asyncio_file_is_seekable(int fd);

// MARK: Names

/// The facts about the target of `path`.
int asyncio_path_look(const char *path, asyncio_file_facts *facts);
/// The target of `path` after resolving symbolic links, to be freed by the caller; NULL if there is
/// none.
char *asyncio_path_resolve(const char *path);
/// The content of a symbolic link, and its length: at most `capacity` bytes, without a terminating
/// zero.
long asyncio_path_read_link(const char *path, char *text, size_t capacity);
int asyncio_path_rename(const char *from, const char *to);
int asyncio_path_remove(const char *path);
int asyncio_file_set_permissions(int fd, uint32_t permissions);

#endif
