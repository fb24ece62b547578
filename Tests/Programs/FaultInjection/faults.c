// These two functions replace those of the C library in the program that links them.
#define _GNU_SOURCE
#include "FaultInjection.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int accept_error, accepts_to_fail, watch_error, watches_to_fail;

void faults_fail_accepting(int error, int times) {
    accept_error = error;
    accepts_to_fail = times;
}

void faults_fail_watching(int error, int times) {
    watch_error = error;
    watches_to_fail = times;
}

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) {
    int accepted = (int)syscall(SYS_accept4, fd, address, length, flags);
    if (accepted < 0 || accepts_to_fail == 0) return accepted;
    accepts_to_fail -= 1;
    close(accepted);
    errno = accept_error;
    return -1;
}

int epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event) {
    int listens = 0;
    socklen_t length = sizeof listens;
    if (watches_to_fail > 0 && accepts_to_fail == 0 && operation == EPOLL_CTL_ADD
        && getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens) {
        watches_to_fail -= 1;
        errno = watch_error;
        return -1;
    }
    return (int)syscall(SYS_epoll_ctl, epoll, operation, fd, event);
}

bool faults_refuse(int error, const int *numbers, int count) {
    enum { most = 50 };
    struct sock_filter filter[2 + 2 * most];
    if (count > most) return false;
    unsigned short length = 0;
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < count; i++) {
        filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)numbers[i], 0, 1);
        filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error);
    }
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = length, .filter = filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}
