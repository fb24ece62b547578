//===-- Files --------------------------------------------------------------===//
// Calls that may block, for threads, and a few that do not.
#ifndef ASYNCIO_FILES_H
#define ASYNCIO_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// `flags` as for open(2); close-on-exec is added.
int asyncio_file_open(const char *path, int flags, uint32_t permissions);
/// The same; EAGAIN in place of waiting, as for the other end of a pipe.
int asyncio_file_open_unless_blocking(const char *path, int flags, uint32_t permissions);
/// Whether `path` leads to a regular file or a folder, and not to a pipe or a device, as the
/// system knows without looking on a disk; an error if it does not.
int asyncio_file_kind_now(const char *path);
/// `offset` -1 means the descriptor's own position, here and below.
long asyncio_file_read(int fd, void *bytes, size_t count, int64_t offset);
/// Opens a regular file of which the system knows all that it takes, without looking on a disk;
/// EAGAIN if it would have to look, or if `path` leads to something else. Makes no file and
/// empties none.
int asyncio_file_open_now(const char *path, int flags);
/// Reads what is in memory; EAGAIN if that is nothing.
long asyncio_file_read_now(int fd, void *bytes, size_t count, int64_t offset);
long asyncio_file_write(int fd, const void *bytes, size_t count, int64_t offset);
int asyncio_file_sync(int fd, bool only_data);
int asyncio_file_truncate(int fd, int64_t size);

typedef struct {
    int64_t size;
    uint32_t permissions;
    bool is_regular;
    bool is_directory;
    /// Whether it has a name still: closing it does not remove it.
    bool is_linked;
} asyncio_file_facts;

int asyncio_file_look(int fd, asyncio_file_facts *facts);
/// Whether reads and writes have positions.
bool asyncio_file_is_seekable(int fd);

// MARK: Names

/// The facts of what `path` leads to.
int asyncio_path_look(const char *path, asyncio_file_facts *facts);
/// Where `path` leads through symbolic links, to be freed; NULL if it leads nowhere.
char *asyncio_path_resolve(const char *path);
/// What a symbolic link says, and its length: at most `capacity` bytes and no zero.
long asyncio_path_read_link(const char *path, char *text, size_t capacity);
int asyncio_path_rename(const char *from, const char *to);
int asyncio_path_remove(const char *path);
int asyncio_file_set_permissions(int fd, uint32_t permissions);

#endif
