// Pseudo-terminals. This file is in C, because the C library declares their functions only for
// X/Open programs, and Swift's imports do not count as such. In addition, Swift cannot import the
// macro TIOCGPTPEER.
#define _GNU_SOURCE
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

int asyncio_open_terminal(int *ours, int *childs) {
    int controller = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (controller < 0) return -errno;
    int other = -1;
    if (grantpt(controller) == 0 && unlockpt(controller) == 0)
        other = ioctl(controller, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (other < 0) {
        int error = errno;
        close(controller);
        return -error;
    }
    *ours = controller;
    *childs = other;
    return 0;
}
