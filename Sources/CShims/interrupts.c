// A system call that waits for another process (for the other end of a pipe, for example) can be
// ended only by a handled signal. The signal is one that no other code uses. It is sent to that one
// thread, and its handler marks the thread. It can arrive just before the call, which then waits
// anyway. It is therefore sent again until the thread has responded.
//
// In C, because the handler runs in the middle of anything: it only sets a variable of its thread.
#define _GNU_SOURCE
#include "interrupts.h"

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
        // Without SA_RESTART, so that the call ends.
        struct sigaction action = {.sa_handler = on_interrupt};
        sigemptyset(&action.sa_mask);
        if (sigaction(candidate, &action, NULL) != 0) continue;
        claimed = candidate;
        return;
    }
}

bool asyncio_is_thread_interrupted(void) { return interrupted; }

void asyncio_thread_interrupt(int number) {
    pthread_once(&once, claim_signal);
    if (claimed != 0) syscall(SYS_tgkill, getpid(), number, claimed);
}
