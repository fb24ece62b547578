// A signal that a thread waits for. This file is in C, because the handler can interrupt any code.
// The handler may only write to the pipe, and must not change errno.
#define _GNU_SOURCE
#include "dump_signal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int signal_end = -1;

static void write_to_pipe(int signal) {
    (void)signal;
    int saved_errno = errno;
    char byte = 0;
    if (write(signal_end, &byte, 1) < 0) {
        // If the pipe is full, the reader will wake anyway.
    }
    errno = saved_errno;
}

int asyncio_signal_pipe(int signal) {
    struct sigaction old;
    if (sigaction(signal, NULL, &old) != 0) return -errno;
    if (old.sa_handler != SIG_DFL || signal_end >= 0) return -EBUSY;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -errno;
    if (fcntl(ends[1], F_SETFL, O_NONBLOCK) != 0) return -errno;
    signal_end = ends[1];
    struct sigaction action = {.sa_handler = write_to_pipe, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (sigaction(signal, &action, NULL) != 0) return -errno;
    return ends[0];
}
