//===-- The program's first and last line ----------------------------------===//
#ifndef ASYNCIO_PROGRAM_H
#define ASYNCIO_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/// `handler` is asked about an error that leaves the program's main function or its top-level
/// code. It ends the process, or returns and leaves the error to the Swift runtime, which traps.
void asyncio_on_error_in_main(void (*handler)(const void *error));

/// The Swift task of an `async` main, once it has begun; NULL if there is none, or it is not
/// known.
void *asyncio_main_task(void);
void asyncio_set_main_task(void *task);

/// Writes out what stdio has buffered, and then these bytes to standard error.
void asyncio_last_words(const void *bytes, size_t count);
/// Ends the process, after what `atexit` knows of.
_Noreturn void asyncio_exit(int status);
/// Ends the process as SIGINT does if nobody handles it: a shell sees that it was interrupted.
_Noreturn void asyncio_die_of_interrupt(void);

#endif
