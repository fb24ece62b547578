// This file is in C, because a signal handler can run on any thread and can interrupt any code. A handler must not
// allocate memory, take locks, or run Swift code. The handler counts the signal, writes to the loop's eventfd, and
// returns. The loop compares the counts, and runs the registered handlers as its own callbacks. signalfd is not used,
// because it would require the signal to be blocked in every thread, including the threads that the library did not
// start, and in every child process until the child unblocks the signal.
#define _GNU_SOURCE
#include "signals.h"

#include "eventfd.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { highest_signal = 64 };

_Atomic(uint32_t) asyncio_signal_arrivals_counter = 0;

static struct {
    atomic_uint count;
    /// The number of arrivals since the latest installation, if the second arrival should end the process.
    atomic_uint strikes;
    _Atomic(struct receiver *) receivers;
} signals[highest_signal + 1];

/// A loop that handles a signal. Receivers are reused and never freed, because a handler on any thread may be reading
/// them.
struct receiver {
    /// The loop's eventfd plus two, which is 1 if there is no eventfd. The value is 0 if the receiver is not in use.
    atomic_int wake;
    atomic_bool is_insistent;
    struct receiver *next;
};

/// A lock that guards changes. The handler only reads, so it does not take the lock.
static pthread_mutex_t changes = PTHREAD_MUTEX_INITIALIZER;

static bool is_valid(int number) { return number >= 1 && number <= highest_signal; }

bool asyncio_signal_is_insistent(int number) {
    bool has_receivers = false;
    for (struct receiver *each = atomic_load(&signals[number].receivers); each; each = each->next) {
        if (atomic_load(&each->wake) == 0) continue;
        if (!atomic_load(&each->is_insistent)) return false;
        has_receivers = true;
    }
    return has_receivers;
}

static void on_signal(int number) {
    if (asyncio_signal_is_insistent(number) && atomic_fetch_add(&signals[number].strikes, 1) > 0) {
        signal(number, SIG_DFL);
        raise(number);
        return;
    }
    atomic_fetch_add(&signals[number].count, 1);
    atomic_fetch_add_explicit(&asyncio_signal_arrivals_counter, 1, memory_order_release);
    for (struct receiver *each = atomic_load(&signals[number].receivers); each; each = each->next) {
        int wake = atomic_load(&each->wake);
        if (wake > 1) asyncio_eventfd_signal(wake - 2);
    }
}

/// Returns the receiver of a loop, an unused receiver, or a new receiver, or returns NULL if there is no memory.
static struct receiver *receiver_for(int number, int wake) {
    struct receiver *unused = NULL;
    for (struct receiver *each = atomic_load(&signals[number].receivers); each; each = each->next) {
        int other = atomic_load(&each->wake);
        if (other == wake) return each;
        if (other == 0) unused = each;
    }
    if (unused) return unused;
    struct receiver *new = calloc(1, sizeof *new);
    if (!new) return NULL;
    new->next = atomic_load(&signals[number].receivers);
    atomic_store(&signals[number].receivers, new);
    return new;
}

static int install(int number, int wake_fd, bool only_if_default, bool insistent) {
    struct sigaction current;
    if (sigaction(number, NULL, &current) < 0) return -errno;
    bool is_default = !(current.sa_flags & SA_SIGINFO) && current.sa_handler == SIG_DFL;
    if (only_if_default && !is_default && current.sa_handler != on_signal) return -EBUSY;
    struct receiver *receiver = receiver_for(number, wake_fd + 2);
    if (!receiver) return -ENOMEM;

    atomic_store(&signals[number].strikes, 0);
    atomic_store(&receiver->is_insistent, insistent);
    atomic_store(&receiver->wake, wake_fd + 2);
    struct sigaction ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&ours.sa_mask);
    if (sigaction(number, &ours, NULL) == 0) return 0;
    int error = errno;
    atomic_store(&receiver->wake, 0);
    return -error;
}

int asyncio_signal_install(int number, int wake_fd, bool only_if_default, bool insistent) {
    if (!is_valid(number)) return -EINVAL;
    pthread_mutex_lock(&changes);
    int result = install(number, wake_fd, only_if_default, insistent);
    pthread_mutex_unlock(&changes);
    return result;
}

void asyncio_signal_uninstall(int number, int wake_fd) {
    if (!is_valid(number)) return;
    pthread_mutex_lock(&changes);
    bool is_used = false;
    for (struct receiver *each = atomic_load(&signals[number].receivers); each; each = each->next) {
        int wake = atomic_load(&each->wake);
        if (wake != 0 && wake != wake_fd + 2) is_used = true;
    }
    struct sigaction current;
    if (!is_used && sigaction(number, NULL, &current) == 0 && current.sa_handler == on_signal) signal(number, SIG_DFL);
    // The receivers are removed only now, because the signal must have a receiver until the default action is
    // restored.
    for (struct receiver *each = atomic_load(&signals[number].receivers); each; each = each->next) {
        if (atomic_load(&each->wake) == wake_fd + 2) atomic_store(&each->wake, 0);
    }
    pthread_mutex_unlock(&changes);
}

uint32_t asyncio_signal_count(int number) { return is_valid(number) ? atomic_load(&signals[number].count) : 0; }
