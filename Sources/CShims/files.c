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

// A signal that somebody else handles is no reason to fail.
#define UNINTERRUPTED(call)                             \
    ({                                                  \
        long value;                                     \
        do value = result_of(call); while (value == -EINTR); \
        value;                                          \
    })

int asyncio_file_open(const char *path, int flags, uint32_t permissions) {
    return (int)UNINTERRUPTED(open(path, flags | O_CLOEXEC, (mode_t)permissions));
}

long asyncio_file_read(int fd, void *bytes, size_t count, int64_t offset) {
    return offset < 0 ? UNINTERRUPTED(read(fd, bytes, count)) : UNINTERRUPTED(pread(fd, bytes, count, offset));
}

long asyncio_file_read_now(int fd, void *bytes, size_t count, int64_t offset) {
    struct iovec part = {bytes, count};
    return result_of(preadv2(fd, &part, 1, offset, RWF_NOWAIT));
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
}

int asyncio_file_look(int fd, asyncio_file_facts *facts) {
    struct stat found;
    if (fstat(fd, &found) < 0) return -errno;
    note(&found, facts);
    facts->is_seekable = lseek(fd, 0, SEEK_CUR) >= 0;
    return 0;
}

int asyncio_path_look(const char *path, asyncio_file_facts *facts) {
    struct stat found;
    if (stat(path, &found) < 0) return -errno;
    note(&found, facts);
    return 0;
}

bool asyncio_path_is_known_file(const char *path) {
    // openat2 and its RESOLVE_CACHED, Linux 5.12; without them nothing is known.
    const struct { uint64_t flags, mode, resolve; } how = {.flags = O_PATH | O_CLOEXEC, .resolve = 0x20};
    int fd = (int)syscall(437, AT_FDCWD, path, &how, sizeof how);
    if (fd < 0) return false;
    struct stat found;
    bool is_file = fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
    close(fd);
    return is_file;
}

char *asyncio_path_resolve(const char *path) { return realpath(path, NULL); }
int asyncio_path_rename(const char *from, const char *to) { return (int)result_of(rename(from, to)); }
int asyncio_path_remove(const char *path) { return (int)result_of(unlink(path)); }
int asyncio_file_set_permissions(int fd, uint32_t permissions) {
    return (int)result_of(fchmod(fd, (mode_t)permissions));
}
