#include "CAsyncIOTesting.h"

// Before XCTest's main, which knows nothing of event loops.
__attribute__((constructor)) static void install(void) { asyncio_testing_install_at_load(); }
