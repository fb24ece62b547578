//===-- Signals ------------------------------------------------------------===//
#ifndef ASYNCIO_SIGNALS_H
#define ASYNCIO_SIGNALS_H

#include "include/platform.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/// Installs a handler that counts `signal` and writes to the eventfd `wake_fd`, in addition to the
/// handlers of other loops. The new handler replaces the handler of other code.
///
/// - only_if_default: If other code handles or ignores the signal, the function does nothing and
///   returns -EBUSY.
/// - insistent: If all loops request this, the second arrival ends the process as if there were no
///   handler. The handler itself ends the process, regardless of what the program is doing.
int asyncio_signal_install(int signal, int wake_fd, bool only_if_default, bool insistent);
/// Removes the installation for `wake_fd`. When the last installation is removed, the function
/// restores the signal's default action, unless other code has replaced the handler.
void asyncio_signal_uninstall(int signal, int wake_fd);
/// Whether at least one loop handles the signal, and all of these loops are insistent.
bool asyncio_signal_is_insistent(int signal);
/// The number of arrivals since the process started, modulo 2^32.
uint32_t asyncio_signal_count(int signal);

/// The number of arrivals of all signals. A loop reads this counter once in each turn.
extern _Atomic(uint32_t) asyncio_signal_arrivals_counter;
static inline uint32_t asyncio_signal_arrivals(void) {
    return atomic_load_explicit(&asyncio_signal_arrivals_counter, memory_order_acquire);
}

#endif
