// This file creates a child in the same way as posix_spawn does. The clone shares this process's
// memory, and the calling thread is stopped until the child executes another program. No page
// tables are copied, regardless of how much memory this process has, and an error is returned
// through the shared memory. posix_spawn itself is not used, because it provides no controlling
// terminal and no information about which step failed. Before glibc 2.39, it also provides no pidfd
// that certainly belongs to the child.
//
// This file is in C, because the child may make only system calls until it executes the program.
// The child must not allocate memory or take locks. It also must not run one of this process's
// signal handlers, which would run in the parent's memory, so all signals are blocked during this
// time. Swift code cannot be used, because it can allocate memory anywhere.
#define _GNU_SOURCE
#include "spawn.h"

#include "threads.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

// Sanitizers keep data about the process in the process's memory. A child that shares this memory
// would corrupt the data. Therefore, with a sanitizer, the child gets a copy of all memory except
// its stack.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
enum { sharing = 0, stack_kind = MAP_SHARED, stack_size = 1024 * 1024 };
#else
enum { sharing = CLONE_VM, stack_kind = MAP_PRIVATE, stack_size = 64 * 1024 };
#endif

enum { pidfd_id_type = 3 /* P_PIDFD */ };

typedef struct {
    const asyncio_spawn_request *request;
    int parent;
    bool resets_policy;
    int stage;
    int error;
} child_state;

/// Resets handled signals to their default action, as executing a program does anyway. Ignored
/// signals stay ignored, except for those that a runtime ignores for itself.
static void reset_signals(void) {
    for (int number = 1; number <= 64; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) < 0) continue;
        bool is_ours = number == SIGPIPE || number == SIGXFSZ;
        if (action.sa_handler == SIG_DFL || (action.sa_handler == SIG_IGN && !is_ours)) continue;
        action = (struct sigaction){.sa_handler = SIG_DFL};
        sigaction(number, &action, NULL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/// Replaces close_range on kernels before Linux 5.11, and in containers whose filter rejects that
/// call. This function marks each descriptor that /proc lists. Without /proc, the descriptors stay
/// open.
static void mark_each_close_on_exec(void) {
    int folder = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    union {
        char bytes[2048];
        uint64_t alignment;
    } buffer;
    long count;
    while ((count = syscall(SYS_getdents64, folder, buffer.bytes, sizeof buffer.bytes)) > 0) {
        for (long at = 0; at < count;) {
            // In struct linux_dirent64, the entry's length follows two words, and its name follows
            // the type.
            uint16_t length;
            memcpy(&length, buffer.bytes + at + 16, sizeof length);
            int fd = 0;
            const char *name = buffer.bytes + at + 19;
            for (; *name >= '0' && *name <= '9'; name++) fd = fd * 10 + (*name - '0');
            if (*name == 0 && fd >= 3) fcntl(fd, F_SETFD, FD_CLOEXEC);
            at += length;
        }
    }
    close(folder);
}

static bool place_descriptors(const asyncio_spawn_request *request) {
    int highest = 2;
    for (int i = 0; i < request->count; i++)
        if (request->targets[i] > highest) highest = request->targets[i];
    // First move the sources out of the way, because the source of one descriptor may be the target
    // of another.
    for (int i = 0; i < request->count; i++) {
        request->scratch[i] = fcntl(request->sources[i], F_DUPFD_CLOEXEC, highest + 1);
        if (request->scratch[i] < 0) return false;
    }
    // Descriptors that were opened without close-on-exec are not meant for the child.
    if (syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) < 0) mark_each_close_on_exec();
    for (int i = 0; i < request->count; i++)
        if (dup2(request->scratch[i], request->targets[i]) < 0) return false;
    return true;
}

static bool become_member(const asyncio_spawn_request *request, int parent) {
    if (request->has_new_session && setsid() < 0) return false;
    if (request->process_group >= 0 && setpgid(0, request->process_group) < 0) return false;
    if (request->has_terminal && ioctl(0, TIOCSCTTY, 0) < 0) return false;
    if (request->umask >= 0) umask((mode_t)request->umask);
    if (request->parent_death_signal == 0) return true;
    if (prctl(PR_SET_PDEATHSIG, request->parent_death_signal) < 0) return false;
    // The parent may have ended just before the signal was requested.
    if (getppid() != parent) raise(request->parent_death_signal);
    return true;
}

/// Tries the candidates in the same way as a shell does, and skips files that do not exist. If no
/// candidate can be executed, the first error of a different kind is reported.
static void execute(const asyncio_spawn_request *request) {
    int error = 0;
    for (const char *const *file = request->candidates; *file; file++) {
        execve(*file, request->arguments, request->environment);
        if (errno != ENOENT && errno != ENOTDIR && !error) error = errno;
    }
    errno = error ? error : ENOENT;
}

#ifdef SANITIZED
// AddressSanitizer does not know this stack.
__attribute__((no_sanitize("address")))
#endif
static int child_main(void *argument) {
    child_state *state = argument;
    const asyncio_spawn_request *request = state->request;
    state->stage = ASYNCIO_SPAWN_DESCRIPTORS;
    if (!place_descriptors(request)) goto failed;
    state->stage = ASYNCIO_SPAWN_SESSION;
    if (!become_member(request, state->parent)) goto failed;
    state->stage = ASYNCIO_SPAWN_DIRECTORY;
    if (request->directory && chdir(request->directory) < 0) goto failed;
    state->stage = ASYNCIO_SPAWN_EXECUTE;
    if (state->resets_policy) sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){0});
    reset_signals();
    execute(request);
failed:
    state->error = errno;
    _exit(127);
}

int asyncio_spawn(const asyncio_spawn_request *request, int *pid, int *pidfd, int *stage) {
    void *stack = mmap(NULL, stack_size, PROT_READ | PROT_WRITE, stack_kind | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    *stage = ASYNCIO_SPAWN_CLONE;
    if (stack == MAP_FAILED) return -errno;

    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    // The state is at the far end of the stack, which both processes can access.
    child_state *state = stack;
    *state = (child_state){.request = request, .parent = getpid(), .resets_policy = asyncio_thread_is_batch()};
    *pidfd = -1;
    *pid = clone(child_main, (char *)stack + stack_size, sharing | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, state, pidfd);
    int error = *pid < 0 ? errno : state->error;
    if (*pid >= 0) *stage = state->stage;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    munmap(stack, stack_size);

    if (error && *pid >= 0) {
        int status;
        asyncio_reap(*pidfd, true, &status);
        close(*pidfd);
    }
    return -error;
}

int asyncio_reap(int pidfd, bool waits, int *status) {
    siginfo_t info = {0};
    int result;
    do result = waitid((idtype_t)pidfd_id_type, (id_t)pidfd, &info, WEXITED | (waits ? 0 : WNOHANG));
    while (result < 0 && errno == EINTR);
    if (result < 0) return -errno;
    if (info.si_pid == 0) return 0;
    *status = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
    return 1;
}

int asyncio_pidfd_signal(int pidfd, int pid, int number) {
    if (syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0) == 0) return 0;
    if (errno != ENOSYS && errno != EPERM && errno != EACCES) return -errno;
    // A container's filter may reject the call. In that case, the process ID is safe to use,
    // because no other process can get this ID before the owner of the pidfd reaps the child.
    return kill(pid, number) < 0 ? -errno : 0;
}

char **asyncio_environment(void) { return environ; }

int asyncio_pipe(int *reader, int *writer) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
    *reader = ends[0];
    *writer = ends[1];
    return 0;
}
