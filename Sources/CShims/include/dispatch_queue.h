//===-- Dispatch's main queue ----------------------------------------------===//
#ifndef ASYNCIO_DISPATCH_QUEUE_H
#define ASYNCIO_DISPATCH_QUEUE_H

/// A descriptor that is written to whenever the main queue has got something to run; -1 if the
/// process has no Dispatch in it, or no descriptor is left now. Called on the process's first thread.
int asyncio_main_queue_descriptor(void);
/// Runs what the main queue has now. Called on the process's first thread.
void asyncio_main_queue_drain(void);

#endif
