//===-- The main function and the end of the program -----------------------===//
#ifndef ASYNCIO_PROGRAM_H
#define ASYNCIO_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/// Sets the handler for an error that leaves the program's main function or its top-level code. The
/// handler ends the process, or returns to leave the error to the Swift runtime, which traps.
void asyncio_on_error_in_main(void (*handler)(const void *error));

/// The Swift task of an `async` main, once it has started; NULL if there is none, or it is not
/// known.
void *asyncio_main_task(void);
void asyncio_set_main_task(void *task);

/// Flushes stdio, then writes these bytes to standard error.
void asyncio_last_words(const void *bytes, size_t count);
/// Ends the process after running its `atexit` handlers.
_Noreturn void asyncio_exit(int status);
/// Ends the process with SIGINT, as if it were unhandled, so that a shell sees an interruption.
_Noreturn void asyncio_die_of_interrupt(void);

#endif
