// Threads. This file is in C, because pthread_setname_np and sem_clockwait are declared only for
// GNU programs, and Swift's imports do not count as such. In addition, Swift cannot import
// syscall(2).
#define _GNU_SOURCE
#include "threads.h"

#include "clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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

static int start_thread(const char *name, void (*body)(void *), void *context, int state, pthread_t *thread) {
    thread_start *start = malloc(sizeof *start);
    if (!start) return -ENOMEM;
    strncpy(start->name, name, sizeof start->name - 1);
    start->name[sizeof start->name - 1] = 0;
    start->body = body;
    start->context = context;

    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, state);
    int error = pthread_create(thread, &attributes, thread_main, start);
    pthread_attr_destroy(&attributes);
    if (error) free(start);
    return -error;
}

int asyncio_thread_start(const char *name, void (*body)(void *), void *context) {
    pthread_t thread;
    return start_thread(name, body, context, PTHREAD_CREATE_DETACHED, &thread);
}

int asyncio_thread_start_joinable(const char *name, void (*body)(void *), void *context, uintptr_t *thread) {
    pthread_t started;
    int error = start_thread(name, body, context, PTHREAD_CREATE_JOINABLE, &started);
    if (!error) *thread = (uintptr_t)started;
    return error;
}

void asyncio_thread_join(uintptr_t thread) { pthread_join((pthread_t)thread, NULL); }
void asyncio_thread_detach(uintptr_t thread) { pthread_detach((pthread_t)thread); }

bool asyncio_semaphore_wait(sem_t *semaphore, int64_t timeout_ns) {
    struct timespec until;
    asyncio_machine_clock(CLOCK_MONOTONIC, &until);
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

int asyncio_thread_number(void) { return (int)syscall(SYS_gettid); }
