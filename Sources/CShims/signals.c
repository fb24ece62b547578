// In C, because a handler can run on any thread, in the middle of anything: no allocation, no locks,
// no Swift. It counts, writes to the loop's eventfd, and returns. The loop compares the counts and runs the registered handlers as callbacks
// of its own. signalfd is not used, because it would require the signal to be blocked in every
// thread, including those that the library did not start, and in every child until it unblocks it.
#define _GNU_SOURCE
#include "signals.h"

#include "eventfd.h"

#include <errno.h>
#include <signal.h>

enum { highest_signal = 64 };

_Atomic(uint32_t) asyncio_signal_arrivals_counter = 0;

static struct {
    atomic_uint count;
    /// Arrivals since the installation, if the second one is to end the process.
    atomic_uint strikes;
    atomic_bool is_insistent;
    /// The eventfd plus one; 0 for none.
    atomic_int wake;
} signals[highest_signal + 1];

static bool is_valid(int number) { return number >= 1 && number <= highest_signal; }

static void on_signal(int number) {
    if (atomic_load(&signals[number].is_insistent) && atomic_fetch_add(&signals[number].strikes, 1) > 0) {
        signal(number, SIG_DFL);
        raise(number);
        return;
    }
    atomic_fetch_add(&signals[number].count, 1);
    atomic_fetch_add_explicit(&asyncio_signal_arrivals_counter, 1, memory_order_release);
    int wake = atomic_load(&signals[number].wake);
    if (wake > 0) asyncio_eventfd_signal(wake - 1);
}

int asyncio_signal_install(int number, int wake_fd, bool only_if_default, bool insistent) {
    if (!is_valid(number)) return -EINVAL;
    struct sigaction current;
    if (sigaction(number, NULL, &current) < 0) return -errno;
    bool is_default = !(current.sa_flags & SA_SIGINFO) && current.sa_handler == SIG_DFL;
    if (only_if_default && !is_default && current.sa_handler != on_signal) return -EBUSY;

    atomic_store(&signals[number].strikes, 0);
    atomic_store(&signals[number].is_insistent, insistent);
    atomic_store(&signals[number].wake, wake_fd + 1);
    struct sigaction ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&ours.sa_mask);
    if (sigaction(number, &ours, NULL) == 0) return 0;
    int error = errno;
    atomic_store(&signals[number].wake, 0);
    return -error;
}

void asyncio_signal_uninstall(int number) {
    if (!is_valid(number)) return;
    struct sigaction current;
    if (sigaction(number, NULL, &current) == 0 && current.sa_handler == on_signal) signal(number, SIG_DFL);
    atomic_store(&signals[number].wake, 0);
}

uint32_t asyncio_signal_count(int number) { return is_valid(number) ? atomic_load(&signals[number].count) : 0; }
