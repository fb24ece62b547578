#define _GNU_SOURCE
#include "inspection_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int asyncio_private_directory(const char *path) {
    if (mkdir(path, 0700) != 0 && errno != EEXIST) return -errno;
    struct stat info;
    if (lstat(path, &info) != 0) return -errno;
    if (!S_ISDIR(info.st_mode)) return -ENOTDIR;
    if (info.st_uid != geteuid() || (info.st_mode & 077) != 0) return -EPERM;
    return 0;
}

static int make_address(const char *path, struct sockaddr_un *address) {
    if (strlen(path) >= sizeof address->sun_path) return -ENAMETOOLONG;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    strcpy(address->sun_path, path);
    return 0;
}

int asyncio_inspection_listen(const char *path) {
    struct sockaddr_un address;
    int result = make_address(path, &address);
    if (result != 0) return result;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    unlink(path);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 16) != 0) {
        result = -errno;
        close(fd);
        return result;
    }
    return fd;
}

int asyncio_inspection_accept(int fd) {
    for (;;) {
        int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0) {
            if (errno == EINTR || errno == ECONNABORTED) continue;
            return -errno;
        }
        struct ucred peer;
        socklen_t length = sizeof peer;
        if (getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
            (peer.uid == geteuid() || peer.uid == 0))
            return client;
        close(client);
    }
}

int asyncio_inspection_connect(const char *path) {
    struct sockaddr_un address;
    int result = make_address(path, &address);
    if (result != 0) return result;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    while (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        if (errno == EINTR) continue;
        result = -errno;
        close(fd);
        return result;
    }
    return fd;
}

static int wait_for(int fd, short events, int timeout_ms) {
    struct pollfd poller = {.fd = fd, .events = events};
    for (;;) {
        int count = poll(&poller, 1, timeout_ms);
        if (count > 0) return 0;
        if (count == 0) return -ETIMEDOUT;
        if (errno != EINTR) return -errno;
    }
}

long asyncio_inspection_read(int fd, void *buffer, size_t count, int timeout_ms) {
    for (;;) {
        int result = wait_for(fd, POLLIN, timeout_ms);
        if (result != 0) return result;
        ssize_t got = recv(fd, buffer, count, MSG_DONTWAIT);
        if (got >= 0) return got;
        if (errno != EINTR && errno != EAGAIN) return -errno;
    }
}

int asyncio_inspection_write(int fd, const void *buffer, size_t count, int timeout_ms) {
    const char *next = buffer;
    while (count > 0) {
        int result = wait_for(fd, POLLOUT, timeout_ms);
        if (result != 0) return result;
        ssize_t sent = send(fd, next, count, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (errno == EINTR || errno == EAGAIN) continue;
            return -errno;
        }
        next += sent;
        count -= (size_t)sent;
    }
    return 0;
}

static int signal_end = -1;

static void write_to_pipe(int signal) {
    (void)signal;
    int saved_errno = errno;
    char byte = 0;
    if (write(signal_end, &byte, 1) < 0) {
        // The pipe is full: it is known already.
    }
    errno = saved_errno;
}

int asyncio_signal_pipe(int signal) {
    struct sigaction old;
    if (sigaction(signal, NULL, &old) != 0) return -errno;
    if (old.sa_handler != SIG_DFL || signal_end >= 0) return -EBUSY;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -errno;
    if (fcntl(ends[1], F_SETFL, O_NONBLOCK) != 0) return -errno;
    signal_end = ends[1];
    struct sigaction action = {.sa_handler = write_to_pipe, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (sigaction(signal, &action, NULL) != 0) return -errno;
    return ends[0];
}

bool asyncio_signal_wait(int fd) {
    char byte;
    for (;;) {
        ssize_t count = read(fd, &byte, 1);
        if (count == 1) return true;
        if (count == 0 || errno != EINTR) return false;
    }
}

bool asyncio_terminal_size(int fd, int *columns, int *rows) {
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return false;
    *columns = size.ws_col;
    *rows = size.ws_row;
    return true;
}

const char *asyncio_program_name(void) { return program_invocation_short_name; }

int64_t asyncio_process_owner(pid_t pid) {
    char path[32];
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    struct stat info;
    return stat(path, &info) == 0 ? (int64_t)info.st_uid : -errno;
}
