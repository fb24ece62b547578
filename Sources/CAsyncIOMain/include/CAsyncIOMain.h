#ifndef ASYNCIO_MAIN_H
#define ASYNCIO_MAIN_H

/// Implemented in Swift, in the module AsyncIOMain.
void asyncio_install_at_load(void);

#endif
