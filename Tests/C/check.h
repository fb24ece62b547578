//===-- Tests of the C code ------------------------------------------------===//
// Called with sanitizers by scripts/check-c.sh. What the functions mean for a program is tested in
// Swift; these tests run every C function, so that the sanitizers see it.
#ifndef ASYNCIO_CHECK_H
#define ASYNCIO_CHECK_H

#include "CShims.h"

#include <stdbool.h>

/// Reports a condition that is false, and continues.
#define CHECK(condition) asyncio_check(condition, #condition, __FILE__, __LINE__)
bool asyncio_check(bool condition, const char *text, const char *file, int line);

/// Reports that a part is not available on this system, which is not an error.
void asyncio_skip(const char *part, const char *reason);

/// Runs `body` in a forked process and returns its wait status.
int asyncio_in_child(void (*body)(void));

void check_descriptors(void);
void check_sockets(void);
void check_files(void);
void check_threads(void);
void check_signals(void);
void check_children(void);
void check_runtime(void);
void check_frames(void);
void check_rings(void);
void check_tls(void);

#endif
