// A system call that waits for another process (for the other end of a pipe, say) ends with a
// signal that is handled, and in no other way. The signal is one that nobody uses, sent to the
// one thread; its handler marks that thread. It may come just before the call, which then
// waits all the same: so it is sent again until the thread has answered.
#define _GNU_SOURCE
#include "CShims.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static __thread volatile sig_atomic_t interrupted = 0;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int claimed = 0;

static void on_interrupt(int number) {
    (void)number;
    interrupted = 1;
}

static void claim_signal(void) {
    for (int candidate = SIGRTMAX - 3; candidate > SIGRTMIN; candidate--) {
        struct sigaction old;
        if (sigaction(candidate, NULL, &old) != 0 || old.sa_handler != SIG_DFL) continue;
        // No SA_RESTART: that is the point.
        struct sigaction action = {.sa_handler = on_interrupt};
        sigemptyset(&action.sa_mask);
        if (sigaction(candidate, &action, NULL) != 0) continue;
        claimed = candidate;
        return;
    }
}

int asyncio_thread_number(void) { return (int)syscall(SYS_gettid); }

bool asyncio_is_thread_interrupted(void) { return interrupted; }

void asyncio_thread_interrupt(int number) {
    pthread_once(&once, claim_signal);
    if (claimed != 0) syscall(SYS_tgkill, getpid(), number, claimed);
}
