#define _GNU_SOURCE
#include "CShims.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static long result_of(long value) { return value < 0 ? -errno : value; }

// A signal that other code handles is not a reason to fail. One of ours is.
#define UNINTERRUPTED(call)                             \
    ({                                                  \
        long value;                                     \
        do value = result_of(call); while (value == -EINTR && !asyncio_is_thread_interrupted()); \
        value;                                          \
    })

int asyncio_file_open(const char *path, int flags, uint32_t permissions) {
    return (int)UNINTERRUPTED(open(path, flags | O_CLOEXEC, (mode_t)permissions));
}

// openat2, Linux 5.12: opens a file only if the system has everything for that in memory.
static int open_cached(const char *path, uint64_t flags) {
    const struct { uint64_t flags, mode, resolve; } how = {.flags = flags | O_CLOEXEC, .resolve = 0x20};
    return (int)result_of(syscall(437, AT_FDCWD, path, &how, sizeof how));
}

// Only regular files are opened, because opening a pipe would wake its other end, and opening a
// device could start it. If the file becomes a pipe meanwhile, opening it does not block.
int asyncio_file_open_now(const char *path, int flags) {
    int fd = open_cached(path, O_PATH);
    struct stat found;
    bool is_file = fd >= 0 && fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
    if (fd >= 0) close(fd);
    if (!is_file || flags & (O_CREAT | O_TRUNC)) return -EAGAIN;
    fd = open_cached(path, (uint64_t)(unsigned)flags | O_NONBLOCK);
    if (fd < 0) return fd == -ENOSYS || fd == -EINVAL ? -EAGAIN : fd;
    fcntl(fd, F_SETFL, flags & O_APPEND);
    return fd;
}

int asyncio_file_kind_now(const char *path) {
    int fd = open_cached(path, O_PATH);
    if (fd < 0) return fd;
    struct stat found;
    int result = fstat(fd, &found) < 0 ? -errno : S_ISREG(found.st_mode) || S_ISDIR(found.st_mode);
    close(fd);
    return result;
}

// The check and the open are two calls. If the file becomes a pipe between them, opening it does
// not block either.
int asyncio_file_open_unless_blocking(const char *path, int flags, uint32_t permissions) {
    struct stat found;
    if (stat(path, &found) == 0 && !S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode)) return -EAGAIN;
    int fd = (int)UNINTERRUPTED(open(path, flags | O_NONBLOCK | O_CLOEXEC, (mode_t)permissions));
    // A pipe without a reader.
    if (fd == -ENXIO) return -EAGAIN;
    // EAGAIN: a lease that its holder has to give up first.
    if (fd < 0) return fd;
    if (fstat(fd, &found) == 0 && (S_ISREG(found.st_mode) || S_ISDIR(found.st_mode))) {
        fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
        return fd;
    }
    close(fd);
    return -EAGAIN;
}

long asyncio_file_read(int fd, void *bytes, size_t count, int64_t offset) {
    return offset < 0 ? UNINTERRUPTED(read(fd, bytes, count)) : UNINTERRUPTED(pread(fd, bytes, count, offset));
}

long asyncio_file_read_now(int fd, void *bytes, size_t count, int64_t offset) {
    struct iovec part = {bytes, count};
    long result = result_of(preadv2(fd, &part, 1, offset, RWF_NOWAIT));
    // The seccomp filter of a container may not know the call.
    return result == -EPERM || result == -EACCES || result == -ENOSYS ? -EOPNOTSUPP : result;
}

long asyncio_file_write(int fd, const void *bytes, size_t count, int64_t offset) {
    return offset < 0 ? UNINTERRUPTED(write(fd, bytes, count)) : UNINTERRUPTED(pwrite(fd, bytes, count, offset));
}

int asyncio_file_sync(int fd, bool only_data) {
    return (int)UNINTERRUPTED(only_data ? fdatasync(fd) : fsync(fd));
}

int asyncio_file_truncate(int fd, int64_t size) { return (int)UNINTERRUPTED(ftruncate(fd, size)); }

static void note(const struct stat *from, asyncio_file_facts *facts) {
    facts->size = from->st_size;
    facts->permissions = from->st_mode & 07777;
    facts->is_regular = S_ISREG(from->st_mode);
    facts->is_directory = S_ISDIR(from->st_mode);
    facts->is_linked = from->st_nlink > 0;
}

int asyncio_file_look(int fd, asyncio_file_facts *facts) {
    struct stat found;
    if (fstat(fd, &found) < 0) return -errno;
    note(&found, facts);
    return 0;
}

bool asyncio_file_is_seekable(int fd) { return lseek(fd, 0, SEEK_CUR) >= 0; }

int asyncio_path_look(const char *path, asyncio_file_facts *facts) {
    struct stat found;
    if (stat(path, &found) < 0) return -errno;
    note(&found, facts);
    return 0;
}

char *asyncio_path_resolve(const char *path) { return realpath(path, NULL); }
long asyncio_path_read_link(const char *path, char *text, size_t capacity) {
    return result_of(readlink(path, text, capacity));
}
int asyncio_path_rename(const char *from, const char *to) { return (int)result_of(rename(from, to)); }
int asyncio_path_remove(const char *path) { return (int)result_of(unlink(path)); }
int asyncio_file_set_permissions(int fd, uint32_t permissions) {
    return (int)result_of(fchmod(fd, (mode_t)permissions));
}
