//===-- A signal that writes to a pipe --------------------------------------===//
#ifndef ASYNCIO_DUMP_SIGNAL_H
#define ASYNCIO_DUMP_SIGNAL_H

#include "include/platform.h"

/// Installs a handler that writes to a pipe, and returns the end to read from. Fails with -EBUSY if
/// the signal already has a handler. A process can use only one signal in this way.
int asyncio_signal_pipe(int signal);

#endif
