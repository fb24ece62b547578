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

// Sockets are created and found through their directory's descriptor. The directory that was
// checked is therefore the one that is used, and its path can be longer than a socket address.
typedef struct {
    int directory;
    struct sockaddr_un address;
} socket_place;

/// Opens the directory of `path`. Neither it nor the socket may be a link.
static int open_place(const char *path, socket_place *place) {
    const char *slash = strrchr(path, '/');
    char directory[4096];
    if (slash == NULL || (size_t)(slash - path) >= sizeof directory) return -ENAMETOOLONG;
    memcpy(directory, path, (size_t)(slash - path));
    directory[slash - path] = 0;
    place->directory = open(directory, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (place->directory < 0) return -errno;
    memset(&place->address, 0, sizeof place->address);
    place->address.sun_family = AF_UNIX;
    snprintf(place->address.sun_path, sizeof place->address.sun_path, "/proc/self/fd/%d/%s", place->directory,
             slash + 1);
    return 0;
}

int asyncio_inspection_listen(const char *path) {
    socket_place place;
    int result = open_place(path, &place);
    if (result != 0) return result;
    struct stat info;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || fstat(place.directory, &info) != 0) {
        result = -errno;
    } else if (info.st_uid != geteuid() || (info.st_mode & 077) != 0) {
        result = -EPERM;
    } else {
        unlink(place.address.sun_path);
        if (bind(fd, (struct sockaddr *)&place.address, sizeof place.address) != 0 || listen(fd, 16) != 0)
            result = -errno;
    }
    close(place.directory);
    if (result == 0) return fd;
    if (fd >= 0) close(fd);
    return result;
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

int asyncio_inspection_connect(const char *path, pid_t *peer, uid_t *user) {
    socket_place place;
    int result = open_place(path, &place);
    if (result != 0) return result;
    struct stat info;
    // Non-blocking: if too many clients are waiting already, the wait is limited.
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || lstat(place.address.sun_path, &info) != 0) {
        result = -errno;
    } else if (!S_ISSOCK(info.st_mode)) {
        result = -ENOTSOCK;
    } else {
        int tries = 0;
        while (connect(fd, (struct sockaddr *)&place.address, sizeof place.address) != 0) {
            if (errno == EINTR) continue;
            result = -errno;
            if (errno != EAGAIN || ++tries > 300) break;
            result = 0;
            usleep(10 * 1000);
        }
    }
    struct ucred listener;
    socklen_t length = sizeof listener;
    if (result == 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &listener, &length) != 0) result = -errno;
    close(place.directory);
    if (result == 0) {
        *peer = listener.pid;
        *user = listener.uid;
        return fd;
    }
    if (fd >= 0) close(fd);
    return result;
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

long asyncio_inspection_write(int fd, const void *buffer, size_t count, int timeout_ms) {
    for (;;) {
        int result = wait_for(fd, POLLOUT, timeout_ms);
        if (result != 0) return result;
        ssize_t sent = send(fd, buffer, count, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) return sent;
        if (errno != EINTR && errno != EAGAIN) return -errno;
    }
}

static int signal_end = -1;

static void write_to_pipe(int signal) {
    (void)signal;
    int saved_errno = errno;
    char byte = 0;
    if (write(signal_end, &byte, 1) < 0) {
        // The pipe is full, so the reader will wake anyway.
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
