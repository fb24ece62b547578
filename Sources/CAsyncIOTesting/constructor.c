#include "CAsyncIOTesting.h"

#include <stddef.h>

// Runs before XCTest's main, which does not know about event loops.
__attribute__((constructor)) static void install(void) { asyncio_testing_install_at_load(); }

extern size_t swift_retainCount(void *object);

long asyncio_testing_retain_count(void *object) { return (long)swift_retainCount(object); }
