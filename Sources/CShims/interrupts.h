//===-- Interrupting a thread ----------------------------------------------===//
#ifndef ASYNCIO_INTERRUPTS_H
#define ASYNCIO_INTERRUPTS_H

#include "include/platform.h"

#include <stdbool.h>

/// Ends the system call that a thread waits in, if any, and those that it makes later. For threads
/// that do one operation and end. Call it again until the thread has ended, because it may come too
/// early.
void asyncio_thread_interrupt(int number);
/// Whether asyncio_thread_interrupt was called for the calling thread.
bool asyncio_is_thread_interrupted(void);

#endif
