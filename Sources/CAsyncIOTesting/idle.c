// Whether all other threads of the process wait in the kernel. This file is in C because it reads many small files of
// the kernel.
//
// If other threads follow a loop in virtual time, the loop calls this function before its time jumps. If no other
// thread runs, nothing more happens in this process until time passes. A single look at one thread after another could
// miss a running thread: a thread that has not been looked at yet could resume one that has, and then fall asleep.
// Therefore, each look is compared with the previous one. If no thread has run in between, all threads were waiting at
// the moment between the two looks.
#define _GNU_SOURCE
#include "CAsyncIOTesting.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// A thread, and the number of times that it has begun to wait.
struct thread {
    int number;
    unsigned long long waits;
};

struct look {
    struct thread *threads;
    int count, capacity;
    bool is_idle;
};

static bool add(struct look *look, struct thread thread) {
    if (look->count == look->capacity) {
        int capacity = look->capacity * 2 + 32;
        struct thread *larger = realloc(look->threads, (size_t)capacity * sizeof *larger);
        if (!larger) return false;
        look->threads = larger;
        look->capacity = capacity;
    }
    look->threads[look->count++] = thread;
    return true;
}

/// Adds a thread, unless it has ended.
static void look_at(struct look *look, int folder, int number) {
    char path[32], text[4096];
    snprintf(path, sizeof path, "%d/status", number);
    int file = openat(folder, path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    if (size <= 0) return;
    text[size] = 0;
    const char *state = strstr(text, "\nState:\t"), *waits = strstr(text, "\nvoluntary_ctxt_switches:\t");
    if (!state || !waits) return;
    struct thread thread = {number, strtoull(strchr(waits, '\t') + 1, NULL, 10)};
    // R means running, and D means waiting for a disk.
    char letter = state[strlen("\nState:\t")];
    if (letter == 'R' || letter == 'D' || !add(look, thread)) look->is_idle = false;
}

static struct look last, latest;

bool asyncio_testing_are_threads_idle(void) {
    DIR *folder = opendir("/proc/self/task");
    // Without this file system, the loop relies on its grace period.
    if (!folder) return true;
    latest.count = 0;
    latest.is_idle = true;
    int self = gettid();
    for (struct dirent *entry; (entry = readdir(folder));) {
        int number = atoi(entry->d_name);
        if (number > 0 && number != self) look_at(&latest, dirfd(folder), number);
    }
    closedir(folder);
    bool is_same = latest.count == last.count;
    for (int i = 0; is_same && i < latest.count; i++)
        is_same = latest.threads[i].number == last.threads[i].number && latest.threads[i].waits == last.threads[i].waits;
    bool is_idle = latest.is_idle && last.is_idle && is_same;
    struct look previous = last;
    last = latest;
    latest = previous;
    return is_idle;
}
