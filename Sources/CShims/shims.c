#define _GNU_SOURCE
#include "CShims.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long result_of(long value) { return value < 0 ? -errno : value; }

// MARK: The loop that runs on this thread

__thread void *asyncio_thread_loop __attribute__((tls_model("initial-exec"))) = NULL;
__thread bool asyncio_thread_awaits_main __attribute__((tls_model("initial-exec"))) = false;

bool asyncio_abandoned = false;

// MARK: Time

int64_t asyncio_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// MARK: epoll and eventfd

int asyncio_epoll_create(void) { return (int)result_of(epoll_create1(EPOLL_CLOEXEC)); }

static int control(int poller, int operation, int fd, uint32_t interest, uint64_t token) {
    struct epoll_event event = {.events = EPOLLRDHUP, .data = {.u64 = token}};
    if (interest & ASYNCIO_READABLE) event.events |= EPOLLIN;
    if (interest & ASYNCIO_WRITABLE) event.events |= EPOLLOUT;
    if (interest & ASYNCIO_EDGE) event.events |= EPOLLET;
    return (int)result_of(epoll_ctl(poller, operation, fd, &event));
}

int asyncio_epoll_add(int poller, int fd, uint32_t interest, uint64_t token) {
    return control(poller, EPOLL_CTL_ADD, fd, interest, token);
}
int asyncio_epoll_modify(int poller, int fd, uint32_t interest, uint64_t token) {
    return control(poller, EPOLL_CTL_MOD, fd, interest, token);
}
int asyncio_epoll_remove(int poller, int fd) {
    return control(poller, EPOLL_CTL_DEL, fd, 0, 0);
}

// epoll_pwait2 takes nanoseconds (Linux 5.11). Older kernels take milliseconds, rounded up so that
// a timer is never early. The system call filters of some containers are older than the call, and
// refuse it with another error than a kernel that does not know it. After such an error, use
// epoll_wait.
static int wait_for_events(int poller, struct epoll_event *events, int capacity, int64_t timeout_ns) {
    if (timeout_ns <= 0) return epoll_wait(poller, events, capacity, timeout_ns < 0 ? -1 : 0);
#ifdef SYS_epoll_pwait2
    static atomic_bool missing = false;
    if (!atomic_load_explicit(&missing, memory_order_relaxed)) {
        struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
        int count = (int)syscall(SYS_epoll_pwait2, poller, events, capacity, &timeout, NULL, 0);
        if (count >= 0 || errno == EINTR) return count;
        bool is_refused = errno == ENOSYS || errno == EPERM || errno == EACCES || errno == EINVAL || errno == EOPNOTSUPP;
        if (is_refused) atomic_store_explicit(&missing, true, memory_order_relaxed);
    }
#endif
    int64_t milliseconds = (timeout_ns + 999999) / 1000000;
    return epoll_wait(poller, events, capacity, milliseconds > INT32_MAX ? INT32_MAX : (int)milliseconds);
}

int asyncio_epoll_wait(int poller, asyncio_event *out, int capacity, int64_t timeout_ns) {
    struct epoll_event events[256];
    if (capacity > 256) capacity = 256;
    int count = wait_for_events(poller, events, capacity, timeout_ns);
    if (count < 0) return -errno;
    for (int i = 0; i < count; i++) {
        uint32_t set = events[i].events, mask = 0;
        if (set & (EPOLLIN | EPOLLRDHUP | EPOLLPRI)) mask |= ASYNCIO_READABLE;
        if (set & EPOLLOUT) mask |= ASYNCIO_WRITABLE;
        if (set & EPOLLRDHUP) mask |= ASYNCIO_HANGUP;
        if (set & (EPOLLHUP | EPOLLERR)) mask |= ASYNCIO_READABLE | ASYNCIO_WRITABLE | ASYNCIO_HANGUP;
        out[i].token = events[i].data.u64;
        out[i].events = mask;
    }
    return count;
}

int asyncio_eventfd_create(void) { return (int)result_of(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

void asyncio_eventfd_signal(int fd) {
    int saved = errno;
    uint64_t one = 1;
    // A full counter means that a wake-up is already pending.
    while (write(fd, &one, sizeof one) < 0 && errno == EINTR) {}
    errno = saved;
}

// MARK: Sockets

int asyncio_socket(int family, int type, int protocol) {
    return (int)result_of(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
}
int asyncio_accept(int fd, struct sockaddr_storage *address, socklen_t *length) {
    *length = sizeof *address;
    int accepted = accept4(fd, (struct sockaddr *)address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted >= 0 || (errno != ENOSYS && errno != EPERM)) return (int)result_of(accepted);
    // EPERM comes from a firewall, about one connection, or from a filter that refuses the call.
    // The older call accepts the next connection, or fails in the same way.
    *length = sizeof *address;
    accepted = accept(fd, (struct sockaddr *)address, length);
    if (accepted < 0) return -errno;
    int result = asyncio_prepare_descriptor(accepted);
    if (result == 0) return accepted;
    close(accepted);
    return result;
}
int asyncio_connect(int fd, const void *address, socklen_t length) {
    return (int)result_of(connect(fd, address, length));
}
int asyncio_bind(int fd, const void *address, socklen_t length) {
    return (int)result_of(bind(fd, address, length));
}
int asyncio_listen(int fd, int backlog) { return (int)result_of(listen(fd, backlog)); }
int asyncio_setsockopt(int fd, int level, int option, int value) {
    return (int)result_of(setsockopt(fd, level, option, &value, sizeof value));
}
int asyncio_reset_on_close(int fd) {
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    return (int)result_of(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
}
int asyncio_getsockopt(int fd, int level, int option) {
    int value = 0;
    socklen_t length = sizeof value;
    return getsockopt(fd, level, option, &value, &length) < 0 ? -errno : value;
}
int asyncio_socket_error(int fd) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return errno;
    return error;
}
int asyncio_sockname(int fd, struct sockaddr_storage *address, socklen_t *length) {
    *length = sizeof *address;
    return (int)result_of(getsockname(fd, (struct sockaddr *)address, length));
}
int asyncio_peername(int fd, struct sockaddr_storage *address, socklen_t *length) {
    *length = sizeof *address;
    return (int)result_of(getpeername(fd, (struct sockaddr *)address, length));
}
long asyncio_recv(int fd, void *buffer, size_t count) {
    long received;
    do received = recv(fd, buffer, count, 0); while (received < 0 && errno == EINTR);
    return result_of(received);
}
long asyncio_send(int fd, const void *buffer, size_t count) {
    long sent;
    do sent = send(fd, buffer, count, MSG_NOSIGNAL); while (sent < 0 && errno == EINTR);
    return result_of(sent);
}
long asyncio_sendmsg(int fd, const struct iovec *places, size_t count) {
    struct msghdr message = {.msg_iov = (struct iovec *)places, .msg_iovlen = count};
    long sent;
    do sent = sendmsg(fd, &message, MSG_NOSIGNAL); while (sent < 0 && errno == EINTR);
    return result_of(sent);
}
int asyncio_shutdown_write(int fd) { return (int)result_of(shutdown(fd, SHUT_WR)); }
int asyncio_close(int fd) {
    // Linux closes the descriptor in any case. Trying again might close another one.
    int result = (int)result_of(close(fd));
    return result == -EINTR ? 0 : result;
}

const void *asyncio_find(const void *bytes, size_t count, const void *wanted, size_t length) {
    return memmem(bytes, count, wanted, length);
}

// MARK: Threads

typedef struct {
    char name[16];
    void (*body)(void *);
    void *context;
} thread_start;


static void *thread_main(void *argument) {
    thread_start start = *(thread_start *)argument;
    free(argument);
    pthread_setname_np(pthread_self(), start.name);
    start.body(start.context);
    return NULL;
}

int asyncio_thread_start(const char *name, void (*body)(void *), void *context) {
    thread_start *start = malloc(sizeof *start);
    if (!start) return -ENOMEM;
    strncpy(start->name, name, sizeof start->name - 1);
    start->name[sizeof start->name - 1] = 0;
    start->body = body;
    start->context = context;

    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    int error = pthread_create(&thread, &attributes, thread_main, start);
    pthread_attr_destroy(&attributes);
    if (error) free(start);
    return -error;
}

bool asyncio_semaphore_wait(sem_t *semaphore, int64_t timeout_ns) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    if (timeout_ns < 0) timeout_ns = 0;
    until.tv_sec += timeout_ns / 1000000000;
    until.tv_nsec += timeout_ns % 1000000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec += 1;
        until.tv_nsec -= 1000000000;
    }
    int result;
    do result = sem_clockwait(semaphore, CLOCK_MONOTONIC, &until); while (result < 0 && errno == EINTR);
    return result == 0;
}

int asyncio_cpu_count(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (int)count : 1;
}

void asyncio_thread_pause(int64_t nanoseconds) {
    struct timespec time = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    while (nanosleep(&time, &time) < 0 && errno == EINTR) {}
}

bool asyncio_is_main_thread(void) { return getpid() == (pid_t)syscall(SYS_gettid); }

// MARK: Limits and memory

int asyncio_descriptor_limit(uint64_t *soft, uint64_t *hard) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    *soft = limit.rlim_cur;
    *hard = limit.rlim_max;
    return 0;
}
int asyncio_descriptor_limit_set(uint64_t soft) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    limit.rlim_cur = soft;
    return (int)result_of(setrlimit(RLIMIT_NOFILE, &limit));
}
uint64_t asyncio_peak_memory(void) {
    // Not getrusage: its value survives exec, and would be that of `swift run`.
    FILE *status = fopen("/proc/self/status", "re");
    if (!status) return 0;
    unsigned long kilobytes = 0;
    char line[256];
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %lu kB", &kilobytes) == 1) break;
    fclose(status);
    return (uint64_t)kilobytes * 1024;
}
bool asyncio_is_terminal(int fd) { return isatty(fd) == 1; }
int asyncio_terminal_width(int fd) {
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

// MARK: The stack

__thread uintptr_t asyncio_thread_stack_limit __attribute__((tls_model("initial-exec"))) = 0;
__thread uintptr_t asyncio_thread_stack_span __attribute__((tls_model("initial-exec"))) = 0;

void asyncio_find_stack(void) {
    pthread_attr_t attributes;
    void *start = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &start, &size);
        pthread_attr_destroy(&attributes);
    }
    // A main thread without a stack limit has no known end. This size is assumed for it.
    const size_t most = 64 << 20;
    uintptr_t end = (uintptr_t)start;
    if (size > most) {
        end += size - most;
        size = most;
    }
    asyncio_thread_stack_span = size / 4;
    // 1 if the stack is not known: no address is as low.
    asyncio_thread_stack_limit = size ? end + size / 4 : 1;
}
