#ifndef ASYNCIO_TESTING_H
#define ASYNCIO_TESTING_H

/// Written in Swift, in the module AsyncIOTesting.
void asyncio_testing_install_at_load(void);

/// How many strong references an object of the Swift runtime has.
long asyncio_testing_retain_count(void *object);

#endif
