#define _GNU_SOURCE
#include "include/pipes.h"
#include "include/uring.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

long asyncio_read(int fd, void *buffer, size_t count) {
    long result;
    do result = read(fd, buffer, count); while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : result;
}

// There is no MSG_NOSIGNAL for pipes. The signal is sent to the writing thread, so it is blocked
// here during the call and removed if it arrived. What the process does with SIGPIPE elsewhere does
// not change.
long asyncio_write(int fd, const void *buffer, size_t count) {
    struct iovec all = {(void *)buffer, count};
    return asyncio_writev(fd, &all, 1);
}

long asyncio_writev(int fd, const struct iovec *places, size_t count) {
    sigset_t pipe_only, before, pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    long result;
    do result = writev(fd, places, (int)count); while (result < 0 && errno == EINTR);
    if (result < 0) result = -errno;
    if (result == -EPIPE && !was_pending) {
        struct timespec none = {0};
        while (sigtimedwait(&pipe_only, NULL, &none) < 0 && errno == EINTR) {}
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

int asyncio_prepare_descriptor(int fd) {
    int status = fcntl(fd, F_GETFL);
    if (status < 0 || fcntl(fd, F_SETFL, status | O_NONBLOCK) < 0) return -errno;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return -errno;
    return 0;
}

bool asyncio_is_nonblocking(int fd) {
    int status = fcntl(fd, F_GETFL);
    return status >= 0 && (status & O_NONBLOCK);
}

int asyncio_kind(int fd) {
    struct stat status;
    if (fstat(fd, &status) < 0) return -errno;
    if (S_ISFIFO(status.st_mode)) return ASYNCIO_KIND_PIPE;
    if (S_ISSOCK(status.st_mode)) return ASYNCIO_KIND_SOCKET;
    if (S_ISCHR(status.st_mode)) return ASYNCIO_KIND_TERMINAL;
    if (S_ISREG(status.st_mode)) return ASYNCIO_KIND_FILE;
    return ASYNCIO_KIND_OTHER;
}

bool asyncio_is_unwatchable(int fd) {
    struct stat status;
    if (fstat(fd, &status) < 0) return false;
    if (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode)) return true;
    return S_ISCHR(status.st_mode) && asyncio_check_pollable(fd) == -EPERM;
}

/// The same descriptor under a number that is not a standard descriptor.
static int above_standard(int fd) {
    if (fd > STDERR_FILENO || fd < 0) return fd < 0 ? -errno : fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int error = moved < 0 ? -errno : 0;
    close(fd);
    return error ? error : moved;
}

int asyncio_open_standard(int fd) {
    int access = fd == STDIN_FILENO ? O_RDONLY : O_WRONLY;
    struct stat status;
    // Closed at the start of the program. Or closed then, and since reused by an epoll descriptor
    // or something similar, which has no type. (No one passes one of those on.)
    if (fstat(fd, &status) < 0 || (status.st_mode & S_IFMT) == 0)
        return above_standard(open("/dev/null", access | O_CLOEXEC));
    // A descriptor that others share must not become non-blocking for them, so a terminal or a pipe
    // is opened again. A file is not, because its position is shared. A socket cannot be.
    if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
        char path[32];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        int anew = open(path, access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (anew >= 0) return above_standard(anew);
    }
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return copy < 0 ? -errno : copy;
}

long asyncio_recvfrom(int fd, void *buffer, size_t count, struct sockaddr_storage *address, socklen_t *length) {
    long received;
    do {
        *length = sizeof *address;
        received = recvfrom(fd, buffer, count, 0, (struct sockaddr *)address, length);
    } while (received < 0 && errno == EINTR);
    return received < 0 ? -errno : received;
}

long asyncio_sendto(int fd, const void *buffer, size_t count, const void *address, socklen_t length) {
    long sent;
    do sent = sendto(fd, buffer, count, MSG_NOSIGNAL, address, length); while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

long asyncio_sendfile(int out, int in, int64_t *offset, size_t count) {
    off_t position = *offset;
    long sent;
    do sent = sendfile(out, in, &position, count); while (sent < 0 && errno == EINTR);
    if (sent < 0) return -errno;
    *offset = position;
    return sent;
}

long asyncio_pread(int fd, void *buffer, size_t count, int64_t offset) {
    long result;
    do result = pread(fd, buffer, count, offset); while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : result;
}

int asyncio_seek(int fd, int64_t offset) { return lseek(fd, offset, SEEK_SET) < 0 ? -errno : 0; }
