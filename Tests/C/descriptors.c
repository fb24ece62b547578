#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void check_descriptors(void) {
    int poller = asyncio_epoll_create(), wake = asyncio_eventfd_create();
    CHECK(poller >= 0 && wake >= 0);
    const uint64_t token = 0x0123456789abcdef;
    CHECK(asyncio_epoll_add(poller, wake, EPOLLIN, token) == 0);
    CHECK(asyncio_epoll_add(poller, wake, EPOLLIN, token) == -EEXIST);

    // As many events as there is room for, and not one more.
    enum { COUNT = 3 };
    asyncio_event *events = malloc(COUNT * sizeof *events);
    CHECK(asyncio_epoll_wait(poller, events, COUNT, 0) == 0);
    CHECK(asyncio_epoll_wait(poller, events, COUNT, 1500000) == 0);
    errno = 7;
    asyncio_eventfd_signal(wake);
    CHECK(errno == 7);
    CHECK(asyncio_epoll_wait(poller, events, COUNT, 5000000000) == 1);
    CHECK(events[0].token == token && events[0].events == EPOLLIN);
    CHECK(asyncio_epoll_modify(poller, wake, EPOLLOUT | EPOLLET, 2) == 0);
    int others[4];
    for (int i = 0; i < 4; i++) {
        others[i] = asyncio_eventfd_create();
        CHECK(asyncio_epoll_add(poller, others[i], EPOLLOUT, (uint64_t)i) == 0);
    }
    CHECK(asyncio_epoll_wait(poller, events, COUNT, -1) == COUNT);
    for (int i = 0; i < 4; i++) {
        CHECK(asyncio_epoll_remove(poller, others[i]) == 0);
        close(others[i]);
    }
    CHECK(asyncio_epoll_remove(poller, wake) == 0);
    CHECK(asyncio_epoll_remove(poller, -1) == -EBADF);
    CHECK(asyncio_epoll_wait(-1, events, COUNT, 0) == -EBADF);
    free(events);
    close(wake);
    close(poller);

    int ours, childs;
    if (CHECK(asyncio_open_terminal(&ours, &childs) == 0)) {
        CHECK(isatty(ours) && isatty(childs));
        CHECK(write(ours, "a\n", 2) == 2);
        char line[8];
        CHECK(read(childs, line, sizeof line) == 2);
        close(ours);
        close(childs);
    }
    int reader, writer;
    if (CHECK(asyncio_pipe(&reader, &writer) == 0)) {
        CHECK(fcntl(reader, F_GETFD) == FD_CLOEXEC && fcntl(writer, F_GETFD) == FD_CLOEXEC);
        close(reader);
        close(writer);
    }
    // Without Dispatch in the process, there is nothing to serve.
    CHECK(asyncio_main_queue_descriptor() == -1);
    asyncio_main_queue_drain();

    const char *text = "one two three";
    CHECK(asyncio_find(text, strlen(text), "two", 3) == text + 4);
    CHECK(asyncio_find(text, 6, "two", 3) == NULL);
    asyncio_prefetch((uintptr_t)text, 2);
    asyncio_prefetch(0, 1);
}

// MARK: Sockets

static void exchange(int family, const void *address, socklen_t length) {
    int listener = socket(family, SOCK_STREAM, 0), client = socket(family, SOCK_STREAM, 0);
    CHECK(asyncio_bind(listener, address, length) == 0 && listen(listener, 5) == 0);
    struct sockaddr_storage place, peer;
    socklen_t place_length = 0, peer_length = 0;
    CHECK(asyncio_sockname(listener, &place, &place_length) == 0);
    CHECK(asyncio_connect(client, &place, place_length) == 0);
    int server = asyncio_accept(listener, &peer, &peer_length);
    if (CHECK(server >= 0)) {
        CHECK(fcntl(server, F_GETFL) & O_NONBLOCK && fcntl(server, F_GETFD) == FD_CLOEXEC);
        CHECK(asyncio_peername(client, &peer, &peer_length) == 0 && peer_length == place_length);
        pid_t process = 0;
        uid_t user = 0;
        if (family == AF_UNIX) CHECK(asyncio_peer(server, &process, &user) == 0 && process == getpid());
        close(server);
    }
    fcntl(listener, F_SETFL, O_NONBLOCK);
    CHECK(asyncio_accept(listener, &peer, &peer_length) == -EAGAIN);
    close(client);
    close(listener);
}

void check_sockets(void) {
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    exchange(AF_INET, &loopback, sizeof loopback);
    // A name that the kernel chooses.
    sa_family_t family = AF_UNIX;
    exchange(AF_UNIX, &family, sizeof family);
    CHECK(asyncio_connect(-1, &loopback, sizeof loopback) == -EBADF);

    int left = socket(AF_INET, SOCK_DGRAM, 0), right = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    CHECK(asyncio_bind(right, &loopback, sizeof loopback) == 0);
    struct sockaddr_storage address;
    socklen_t length = 0;
    CHECK(asyncio_sockname(right, &address, &length) == 0);
    CHECK(asyncio_sendto(left, "hello", 5, &address, length) == 5);
    char *datagram = malloc(3);
    CHECK(asyncio_recvfrom(right, datagram, 3, &address, &length) == 3 && memcmp(datagram, "hel", 3) == 0);
    CHECK(length == sizeof loopback);
    CHECK(asyncio_recvfrom(right, datagram, 3, &address, &length) == -EAGAIN);
    CHECK(asyncio_sendto(left, "hello", 5, NULL, 0) == -EDESTADDRREQ);
    free(datagram);
    close(left);
    close(right);
}

// MARK: Files

void check_files(void) {
    char path[] = "/tmp/asyncio-c-XXXXXX";
    int file = mkstemp(path);
    CHECK(file >= 0 && write(file, "content", 7) == 7);
    int known = asyncio_open_cached(path, ASYNCIO_O_PATH);
    CHECK(known >= 0 || known == -EAGAIN || known == -ENOSYS || known == -EINVAL);
    if (known >= 0) close(known);
    CHECK(asyncio_open_cached("/no/such/file", O_RDONLY) < 0);
    char *bytes = malloc(7);
    long count = asyncio_read_cached(file, bytes, 7, 0);
    CHECK(count == 7 ? memcmp(bytes, "content", 7) == 0 : count == -EAGAIN || count == -EOPNOTSUPP);
    CHECK(asyncio_read_cached(-1, bytes, 7, -1) == -EBADF);
    free(bytes);
    close(file);
    unlink(path);
}
