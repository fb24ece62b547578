#ifndef ASYNCIO_TESTING_H
#define ASYNCIO_TESTING_H

/// Written in Swift, in the module AsyncIOTesting.
void asyncio_testing_install_at_load(void);

#endif
