// If a system call waits for another process (for example, for the other end of a pipe), only a
// handled signal can end the call. The library uses a signal that no other code uses. It sends the
// signal to the waiting thread, and the handler marks the thread. The signal can arrive just before
// the system call. In that case, the call waits anyway, so the signal is sent again until the
// thread has responded.
//
// This file is in C, because the handler can interrupt any code. The handler only sets a variable
// of its thread.
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
        // SA_RESTART is not set, so that the signal ends the system call.
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
