// The addresses of sockets. This file is in C, because each address family has its own address
// type, but the calls take pointers to a generic address type. In Swift, each call would have to
// rebind the memory. In addition, accept4 and struct ucred are declared only for GNU programs, and
// Swift's imports do not count as such.
#define _GNU_SOURCE
#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int result_of(int value) { return value < 0 ? -errno : value; }

int asyncio_accept(int fd, struct sockaddr_storage *address, socklen_t *length) {
    *length = sizeof *address;
    int accepted = accept4(fd, (struct sockaddr *)address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted >= 0 || (errno != ENOSYS && errno != EPERM)) return result_of(accepted);
    // EPERM comes either from a firewall, which rejects a single connection, or from a filter that
    // rejects the call. In both cases, try the older call, which accepts the next connection or
    // fails in the same way.
    *length = sizeof *address;
    accepted = accept(fd, (struct sockaddr *)address, length);
    if (accepted < 0) return -errno;
    int status = fcntl(accepted, F_GETFL);
    if (status >= 0 && fcntl(accepted, F_SETFL, status | O_NONBLOCK) == 0 && fcntl(accepted, F_SETFD, FD_CLOEXEC) == 0)
        return accepted;
    int error = errno;
    close(accepted);
    return -error;
}

int asyncio_connect(int fd, const void *address, socklen_t length) {
    return result_of(connect(fd, address, length));
}

int asyncio_bind(int fd, const void *address, socklen_t length) { return result_of(bind(fd, address, length)); }

int asyncio_sockname(int fd, struct sockaddr_storage *address, socklen_t *length) {
    *length = sizeof *address;
    return result_of(getsockname(fd, (struct sockaddr *)address, length));
}

int asyncio_peername(int fd, struct sockaddr_storage *address, socklen_t *length) {
    *length = sizeof *address;
    return result_of(getpeername(fd, (struct sockaddr *)address, length));
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

int asyncio_peer(int fd, pid_t *process, uid_t *user) {
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) return -errno;
    *process = peer.pid;
    *user = peer.uid;
    return 0;
}
