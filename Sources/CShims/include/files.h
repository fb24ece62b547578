//===-- Files --------------------------------------------------------------===//
// Calls that may block, for threads, and a few that do not.
#ifndef ASYNCIO_FILES_H
#define ASYNCIO_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// `flags` as for open(2); close-on-exec is added.
int asyncio_file_open(const char *path, int flags, uint32_t permissions);
/// `offset` -1 means the descriptor's own position, here and below.
long asyncio_file_read(int fd, void *bytes, size_t count, int64_t offset);
/// Reads what is in memory; EAGAIN if that is nothing.
long asyncio_file_read_now(int fd, void *bytes, size_t count, int64_t offset);
long asyncio_file_write(int fd, const void *bytes, size_t count, int64_t offset);
int asyncio_file_sync(int fd, bool only_data);
int asyncio_file_truncate(int fd, int64_t size);

typedef struct {
    int64_t size;
    uint32_t permissions;
    bool is_regular;
    /// Whether reads and writes have positions.
    bool is_seekable;
} asyncio_file_facts;

int asyncio_file_look(int fd, asyncio_file_facts *facts);

// MARK: Names

/// The facts of what `path` leads to; is_seekable is not looked at.
int asyncio_path_look(const char *path, asyncio_file_facts *facts);
/// Whether `path` leads to a regular file, and the system knows so without looking on a disk.
bool asyncio_path_is_known_file(const char *path);
/// Where `path` leads through symbolic links, to be freed; NULL if it leads nowhere.
char *asyncio_path_resolve(const char *path);
int asyncio_path_rename(const char *from, const char *to);
int asyncio_path_remove(const char *path);
int asyncio_file_set_permissions(int fd, uint32_t permissions);

#endif
