#include "CAsyncIOMain.h"

// Swift 6.3 ignores `typealias DefaultExecutorFactory`. A constructor that runs
// before main installs the loop for an async main and for test runners alike.
__attribute__((constructor)) static void install(void) { asyncio_install_at_load(); }
