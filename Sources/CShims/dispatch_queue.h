//===-- Dispatch's main queue ----------------------------------------------===//
#ifndef ASYNCIO_DISPATCH_QUEUE_H
#define ASYNCIO_DISPATCH_QUEUE_H

#include "include/platform.h"

/// Returns a descriptor that Dispatch writes to when the main queue has work to run, or -1 if the
/// process does not contain Dispatch or no descriptor is currently available. Call this function on
/// the process's first thread.
int asyncio_main_queue_descriptor(void);
/// Runs the work that is currently in the main queue. Call this function on the process's first
/// thread.
void asyncio_main_queue_drain(void);

#endif
