// What wakes a loop. In C, because a signal handler (signals.c) calls it: only system calls, and
// errno must be left as it was. Swift's imports do not have eventfd either.
#define _GNU_SOURCE
#include "eventfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int asyncio_eventfd_create(void) {
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int asyncio_eventfd_alias(int fd, int alias) { return dup3(fd, alias, O_CLOEXEC) < 0 ? -errno : 0; }

void asyncio_eventfd_signal(int fd) {
    int saved = errno;
    uint64_t one = 1;
    // A full counter means that a wake-up is already pending.
    while (write(fd, &one, sizeof one) < 0 && errno == EINTR) {}
    errno = saved;
}
