//===-- Dispatch's main queue ----------------------------------------------===//
#ifndef ASYNCIO_DISPATCH_QUEUE_H
#define ASYNCIO_DISPATCH_QUEUE_H

#include "include/platform.h"

/// A descriptor that is written to when the main queue has work to run; -1 if the process does not
/// contain Dispatch, or no descriptor is available now. Called on the process's first thread.
int asyncio_main_queue_descriptor(void);
/// Runs the work that is in the main queue now. Called on the process's first thread.
void asyncio_main_queue_drain(void);

#endif
