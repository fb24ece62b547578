#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// MARK: Threads

static sem_t done;
static char thread_name[16];
static bool was_low;

static void note_thread(void *context) {
    pthread_getname_np(pthread_self(), thread_name, sizeof thread_name);
    was_low = asyncio_stack_is_low();
    *(int *)context = asyncio_thread_number();
    sem_post(&done);
}

static int waiting_thread, waiting_pipe[2];
static long interrupted_with;

static void wait_for_pipe(void *context) {
    (void)context;
    __atomic_store_n(&waiting_thread, asyncio_thread_number(), __ATOMIC_SEQ_CST);
    char byte;
    while (read(waiting_pipe[0], &byte, 1) < 0 && errno == EINTR && !asyncio_is_thread_interrupted()) {}
    interrupted_with = errno;
    sem_post(&done);
}

// Uses up more and more of the stack, in frames that the compiler keeps.
__attribute__((noinline)) static bool is_low_after(int frames) {
    volatile char frame[4096];
    frame[0] = frame[4095] = (char)frames;
    if (frames == 0) return asyncio_stack_is_low();
    bool result = is_low_after(frames - 1);
    frame[0] = result;
    return frame[0];
}

static bool low_after_little, low_after_much;

static void go_deep(void *context) {
    pthread_attr_t attributes;
    size_t size = 0;
    void *start;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &start, &size);
    pthread_attr_destroy(&attributes);
    low_after_little = is_low_after(4);
    // Sanitizers make frames larger, so stop once the answer is yes.
    for (int frames = 8; !low_after_much && (size_t)frames * 4096 < size * 9 / 10; frames += 8)
        low_after_much = is_low_after(frames);
    *(bool *)context = true;
    sem_post(&done);
}

void check_threads(void) {
    sem_init(&done, 0, 0);
    CHECK(!asyncio_semaphore_wait(&done, 2000000));
    CHECK(!asyncio_semaphore_wait(&done, -1));
    int number = 0;
    CHECK(asyncio_thread_start("a name that is too long", note_thread, &number) == 0);
    CHECK(asyncio_semaphore_wait(&done, 20000000000));
    CHECK(strcmp(thread_name, "a name that is ") == 0 && !was_low);
    CHECK(number > 0 && number != asyncio_thread_number() && asyncio_thread_number() == getpid());

    bool went = false;
    CHECK(asyncio_thread_start("deep", go_deep, &went) == 0);
    CHECK(asyncio_semaphore_wait(&done, 20000000000) && went);
    CHECK(!low_after_little && low_after_much);

    CHECK(pipe(waiting_pipe) == 0);
    CHECK(asyncio_thread_start("waiting", wait_for_pipe, NULL) == 0);
    while (__atomic_load_n(&waiting_thread, __ATOMIC_SEQ_CST) == 0) usleep(1000);
    do asyncio_thread_interrupt(waiting_thread); while (!asyncio_semaphore_wait(&done, 1000000));
    CHECK(interrupted_with == EINTR && !asyncio_is_thread_interrupted());
    close(waiting_pipe[0]);
    close(waiting_pipe[1]);

    int loop;
    CHECK(asyncio_loop_get() == NULL);
    asyncio_loop_set(&loop);
    CHECK(asyncio_loop_get() == &loop);
    asyncio_loop_set(NULL);
    asyncio_set_awaits_main(true);
    CHECK(asyncio_awaits_main());
    asyncio_set_awaits_main(false);
    CHECK(!asyncio_has_abandoned_tasks());
    asyncio_set_has_abandoned_tasks();
    CHECK(asyncio_has_abandoned_tasks());
}

// MARK: Signals

static void raise_twice(void) {
    if (asyncio_signal_install(SIGINT, -1, false, true) != 0) _exit(1);
    raise(SIGINT);
    if (asyncio_signal_count(SIGINT) != 1) _exit(2);
    raise(SIGINT);
}

void check_signals(void) {
    CHECK(asyncio_signal_install(0, -1, false, false) == -EINVAL);
    CHECK(asyncio_signal_install(65, -1, false, false) == -EINVAL);
    CHECK(asyncio_signal_install(SIGKILL, -1, false, false) == -EINVAL);
    int wake = asyncio_eventfd_create();
    uint32_t before = asyncio_signal_arrivals();
    CHECK(asyncio_signal_install(SIGUSR1, wake, true, false) == 0);
    errno = 7;
    for (int i = 0; i < 3; i++) raise(SIGUSR1);
    CHECK(errno == 7 && asyncio_signal_count(SIGUSR1) == 3 && asyncio_signal_arrivals() == before + 3);
    uint64_t woken = 0;
    CHECK(read(wake, &woken, sizeof woken) == sizeof woken && woken == 3);
    asyncio_signal_uninstall(SIGUSR1, wake);
    asyncio_signal_uninstall(99, wake);
    CHECK(signal(SIGUSR1, SIG_IGN) == SIG_DFL);
    CHECK(asyncio_signal_install(SIGUSR1, wake, true, false) == -EBUSY);
    CHECK(asyncio_signal_count(-1) == 0);
    signal(SIGUSR1, SIG_DFL);
    close(wake);

    int status = asyncio_in_child(raise_twice);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);

    int reader = asyncio_signal_pipe(SIGUSR2);
    if (CHECK(reader >= 0)) {
        CHECK(asyncio_signal_pipe(SIGUSR2) == -EBUSY && asyncio_signal_pipe(SIGHUP) == -EBUSY);
        CHECK(asyncio_signal_pipe(0) == -EINVAL);
        raise(SIGUSR2);
        char byte;
        CHECK(read(reader, &byte, 1) == 1);
    }
}

// MARK: Children

static int start(const asyncio_spawn_request *request, int *status) {
    int pid, pidfd, stage = -1;
    int result = asyncio_spawn(request, &pid, &pidfd, &stage);
    *status = stage;
    if (result < 0) return result;
    CHECK(asyncio_reap(pidfd, true, status) == 1);
    CHECK(asyncio_reap(pidfd, false, status) == -ECHILD);
    close(pidfd);
    return 0;
}

void check_children(void) {
    int reader, writer, status;
    CHECK(asyncio_pipe(&reader, &writer) == 0);
    const char *shell[] = {"/no/such/file", "/bin/sh", NULL};
    char *arguments[] = {"sh", "-c", "test -z \"$(ls /proc/self/fd | grep -v '^[0-4]$')\" && echo $VALUE >&4; exit 5", NULL};
    char *environment[] = {"VALUE=seven", "PATH=/usr/bin:/bin", NULL};
    int sources[] = {writer, 0}, targets[] = {4, 0}, scratch[2];
    asyncio_spawn_request request = {
        .candidates = shell, .arguments = arguments, .environment = environment, .directory = "/",
        .sources = sources, .targets = targets, .scratch = scratch, .count = 2,
        .process_group = 0, .umask = 022, .parent_death_signal = SIGKILL,
    };
    // A descriptor that is open in this process only.
    int stray = open("/dev/null", O_RDONLY);
    CHECK(start(&request, &status) == 0 && status == 5);
    close(stray);
    close(writer);
    char line[16] = "";
    CHECK(read(reader, line, sizeof line) == 6 && memcmp(line, "seven\n", 6) == 0);
    close(reader);

    request.count = 0;
    request.directory = "/no/such/directory";
    CHECK(start(&request, &status) == -ENOENT && status == ASYNCIO_SPAWN_DIRECTORY);
    request.directory = NULL;
    request.candidates = (const char *[]){"/no/such/file", NULL};
    CHECK(start(&request, &status) == -ENOENT && status == ASYNCIO_SPAWN_EXECUTE);
    request.candidates = (const char *[]){"/etc/passwd", NULL};
    CHECK(start(&request, &status) == -EACCES && status == ASYNCIO_SPAWN_EXECUTE);
    request.candidates = shell;
    request.process_group = 1 << 30;
    CHECK(start(&request, &status) < 0 && status == ASYNCIO_SPAWN_SESSION);
    request.process_group = -1;
    int bad = 1000000;
    request.sources = &bad;
    request.count = 1;
    CHECK(start(&request, &status) == -EBADF && status == ASYNCIO_SPAWN_DESCRIPTORS);

    // In a session with a terminal.
    int ours, childs;
    CHECK(asyncio_open_terminal(&ours, &childs) == 0);
    request.sources = &childs;
    targets[0] = 0;
    request.has_new_session = request.has_terminal = true;
    request.parent_death_signal = 0;
    arguments[2] = "exec 3</dev/tty && exit 6";
    CHECK(start(&request, &status) == 0 && status == 6);
    close(ours);
    close(childs);
    request.has_new_session = request.has_terminal = false;
    request.count = 0;

    // A child that is killed.
    int pid, pidfd, stage;
    arguments[2] = "exec sleep 60";
    if (CHECK(asyncio_spawn(&request, &pid, &pidfd, &stage) == 0)) {
        CHECK(asyncio_reap(pidfd, false, &status) == 0);
        CHECK(asyncio_pidfd_signal(pidfd, pid, SIGTERM) == 0);
        CHECK(asyncio_reap(pidfd, true, &status) == 1 && status == -SIGTERM);
        CHECK(asyncio_pidfd_signal(pidfd, pid, SIGTERM) == -ESRCH);
        close(pidfd);
    }
    CHECK(asyncio_reap(-1, false, &status) < 0);
    CHECK(asyncio_environment() != NULL);
}
