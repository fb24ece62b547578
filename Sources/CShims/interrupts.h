//===-- Interrupting a thread ----------------------------------------------===//
#ifndef ASYNCIO_INTERRUPTS_H
#define ASYNCIO_INTERRUPTS_H

#include "include/platform.h"

#include <stdbool.h>

/// Ends the current system call of a thread, if any, and the system calls that the thread makes
/// later. Use this function only for threads that perform one operation and end. Call it repeatedly
/// until the thread has ended, because a single call may come too early.
void asyncio_thread_interrupt(int number);
/// Whether asyncio_thread_interrupt was called for the calling thread.
bool asyncio_is_thread_interrupted(void);

#endif
