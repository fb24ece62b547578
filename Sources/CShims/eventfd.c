// The eventfd that wakes a loop. This file is in C, because a signal handler (signals.c) calls it.
// The code may make only system calls, and must not change errno. In addition, Swift's imports do
// not include eventfd.
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
