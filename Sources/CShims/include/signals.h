//===-- Signals, and the loop that is to know of them ----------------------===//
#ifndef ASYNCIO_SIGNALS_H
#define ASYNCIO_SIGNALS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/// Installs a handler that counts `signal` and writes to the eventfd `wake_fd`; replaces
/// whatever handled it before.
///
/// - only_if_default: do nothing, and return -EBUSY, if somebody else handles or ignores it.
/// - insistent: the second arrival ends the process as if there were no handler, from the
///   handler itself, whatever the program is doing.
int asyncio_signal_install(int signal, int wake_fd, bool only_if_default, bool insistent);
/// Gives the signal its default action back, if its handler is still ours.
void asyncio_signal_uninstall(int signal);
/// How often the signal has arrived, modulo 2^32, since the process began.
uint32_t asyncio_signal_count(int signal);

/// How many signals of any kind have arrived: a loop looks at it once in each turn.
extern _Atomic(uint32_t) asyncio_signal_arrivals_counter;
static inline uint32_t asyncio_signal_arrivals(void) {
    return atomic_load_explicit(&asyncio_signal_arrivals_counter, memory_order_acquire);
}

#endif
