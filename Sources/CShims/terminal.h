//===-- Pseudo-terminals ---------------------------------------------------===//
#ifndef ASYNCIO_TERMINAL_H
#define ASYNCIO_TERMINAL_H

#include "include/platform.h"

/// Opens a pseudo-terminal. Both ends are close-on-exec.
int asyncio_open_terminal(int *ours, int *childs);

#endif
