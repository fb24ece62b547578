// The calls of epoll. This file is in C, because Swift cannot import syscall(2), which many C
// libraries need for epoll_pwait2, and because the kernel's structure has a union. The loop waits in
// this code, so it must not copy data.
#define _GNU_SOURCE
#include "epoll.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(
    sizeof(asyncio_event) == sizeof(struct epoll_event)
        && offsetof(asyncio_event, events) == offsetof(struct epoll_event, events)
        && offsetof(asyncio_event, token) == offsetof(struct epoll_event, data),
    "the kernel's layout");
// Poller.swift repeats these numbers, and uses them for both pollers.
_Static_assert(
    EPOLLIN == 1 && EPOLLPRI == 2 && EPOLLOUT == 4 && EPOLLERR == 8 && EPOLLHUP == 0x10 && EPOLLRDHUP == 0x2000
        && EPOLLET == 1u << 31,
    "epoll's numbers");
_Static_assert(
    POLLIN == EPOLLIN && POLLPRI == EPOLLPRI && POLLOUT == EPOLLOUT && POLLERR == EPOLLERR && POLLHUP == EPOLLHUP
        && POLLRDHUP == EPOLLRDHUP,
    "poll's numbers");

static int result_of(int value) { return value < 0 ? -errno : value; }

int asyncio_epoll_create(void) { return result_of(epoll_create1(EPOLL_CLOEXEC)); }

static int control(int poller, int operation, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data = {.u64 = token}};
    return result_of(epoll_ctl(poller, operation, fd, &event));
}

int asyncio_epoll_add(int poller, int fd, uint32_t events, uint64_t token) {
    return control(poller, EPOLL_CTL_ADD, fd, events, token);
}
int asyncio_epoll_modify(int poller, int fd, uint32_t events, uint64_t token) {
    return control(poller, EPOLL_CTL_MOD, fd, events, token);
}
int asyncio_epoll_remove(int poller, int fd) { return control(poller, EPOLL_CTL_DEL, fd, 0, 0); }

// epoll_pwait2 (Linux 5.11) takes nanoseconds. Older kernels take milliseconds, so the timeout is
// rounded up, and a timer is never early. The system call filters of some containers are older than
// epoll_pwait2. They reject the call with a different error than a kernel that does not support it.
// After any of these errors, use epoll_wait.
int asyncio_epoll_wait(int poller, asyncio_event *out, int capacity, int64_t timeout_ns) {
    struct epoll_event *events = (struct epoll_event *)out;
    if (timeout_ns <= 0) return result_of(epoll_wait(poller, events, capacity, timeout_ns < 0 ? -1 : 0));
#ifdef SYS_epoll_pwait2
    static atomic_bool missing = false;
    if (!atomic_load_explicit(&missing, memory_order_relaxed)) {
        struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
        int count = (int)syscall(SYS_epoll_pwait2, poller, events, capacity, &timeout, NULL, 0);
        if (count >= 0 || errno == EINTR) return result_of(count);
        bool is_refused = errno == ENOSYS || errno == EPERM || errno == EACCES || errno == EINVAL || errno == EOPNOTSUPP;
        if (is_refused) atomic_store_explicit(&missing, true, memory_order_relaxed);
    }
#endif
    int64_t milliseconds = (timeout_ns + 999999) / 1000000;
    return result_of(epoll_wait(poller, events, capacity, milliseconds > INT32_MAX ? INT32_MAX : (int)milliseconds));
}
