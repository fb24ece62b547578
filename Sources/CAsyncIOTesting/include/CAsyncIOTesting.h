#ifndef ASYNCIO_TESTING_H
#define ASYNCIO_TESTING_H

/// Implemented in Swift, in the module AsyncIOTesting.
void asyncio_testing_install_at_load(void);

/// Returns the number of strong references to an object of the Swift runtime.
long asyncio_testing_retain_count(void *object);

#endif
