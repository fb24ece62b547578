//===-- Signals ------------------------------------------------------------===//
#ifndef ASYNCIO_SIGNALS_H
#define ASYNCIO_SIGNALS_H

#include "include/platform.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/// Installs a handler that counts `signal` and writes to the eventfd `wake_fd`, in addition to those
/// of other loops. Replaces the handler of other code.
///
/// - only_if_default: if other code handles or ignores the signal, do nothing and return -EBUSY.
/// - insistent: the second arrival ends the process as if there were no handler, if this is what all
///   loops want. That happens in the handler itself, whatever the program is doing.
int asyncio_signal_install(int signal, int wake_fd, bool only_if_default, bool insistent);
/// Takes back the installation for `wake_fd`. After the last one, restores the signal's default
/// action, if its handler is still ours.
void asyncio_signal_uninstall(int signal, int wake_fd);
/// Whether all loops that handle the signal, at least one, are insistent.
bool asyncio_signal_is_insistent(int signal);
/// The number of arrivals since the process started, modulo 2^32.
uint32_t asyncio_signal_count(int signal);

/// The number of arrivals of all signals. A loop reads it once in each turn.
extern _Atomic(uint32_t) asyncio_signal_arrivals_counter;
static inline uint32_t asyncio_signal_arrivals(void) {
    return atomic_load_explicit(&asyncio_signal_arrivals_counter, memory_order_acquire);
}

#endif
