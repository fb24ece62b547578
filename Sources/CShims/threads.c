// Threads. This file is in C, because pthread_setname_np and sem_clockwait are declared only for
// GNU programs, and Swift's imports do not count as such. In addition, Swift cannot import
// syscall(2).
#define _GNU_SOURCE
#include "threads.h"

#include "clock.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Linux passes a thread's policy on to the threads and processes that the thread starts. SCHED_BATCH
// is meant for one thread only, so the threads and processes that it starts reset their policy.
static _Thread_local bool is_batch_thread = false;

bool asyncio_thread_is_batch(void) { return is_batch_thread; }

typedef struct {
    sem_t is_set;
    int error;
} policy_outcome;

typedef struct {
    char name[16];
    void (*body)(void *);
    void *context;
    bool resets_policy;
    /// Not NULL if the thread gets the policy SCHED_BATCH. The starting thread waits for the outcome.
    policy_outcome *batch;
} thread_start;

static int set_policy(int policy) {
    // The only parameter is a priority, which is 0 for these policies. The nice value stays the same.
    struct sched_param parameters = {0};
    return sched_setscheduler(0, policy, &parameters) < 0 ? -errno : 0;
}

static int become_batch(void) {
    if ((sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) == SCHED_BATCH) return 0;
    int error = set_policy(SCHED_BATCH);
    is_batch_thread = !error;
    return error;
}

static void *thread_main(void *argument) {
    thread_start start = *(thread_start *)argument;
    free(argument);
    pthread_setname_np(pthread_self(), start.name);
    if (start.resets_policy) set_policy(SCHED_OTHER);
    if (start.batch) {
        int error = become_batch();
        start.batch->error = error;
        sem_post(&start.batch->is_set);
        if (error) return NULL;
    }
    start.body(start.context);
    return NULL;
}

static int start_thread(
    const char *name, policy_outcome *batch, void (*body)(void *), void *context, int state, pthread_t *thread) {
    thread_start *start = malloc(sizeof *start);
    if (!start) return -ENOMEM;
    strncpy(start->name, name, sizeof start->name - 1);
    start->name[sizeof start->name - 1] = 0;
    start->body = body;
    start->context = context;
    start->resets_policy = is_batch_thread;
    start->batch = batch;

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
    return start_thread(name, NULL, body, context, PTHREAD_CREATE_DETACHED, &thread);
}

int asyncio_thread_start_joinable(
    const char *name, bool is_batch, void (*body)(void *), void *context, uintptr_t *thread) {
    policy_outcome batch = {0};
    if (is_batch) sem_init(&batch.is_set, 0, 0);
    pthread_t started;
    int error = start_thread(name, is_batch ? &batch : NULL, body, context, PTHREAD_CREATE_JOINABLE, &started);
    if (is_batch) {
        if (!error) {
            while (sem_wait(&batch.is_set) < 0 && errno == EINTR);
            error = batch.error;
            if (error) pthread_join(started, NULL);
        }
        sem_destroy(&batch.is_set);
    }
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
