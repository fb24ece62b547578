//===-- eventfd ------------------------------------------------------------===//
#ifndef ASYNCIO_EVENTFD_H
#define ASYNCIO_EVENTFD_H

#include "include/platform.h"

int asyncio_eventfd_create(void);
/// Makes the descriptor readable. This function can be called in a signal handler, and does not
/// change errno.
void asyncio_eventfd_signal(int fd);

#endif
