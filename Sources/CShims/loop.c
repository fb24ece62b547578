// The variables of loop.h, which explains why they are in C. Only inline functions may use them.
#include "loop.h"

#include <stddef.h>

__thread void *asyncio_thread_loop __attribute__((tls_model("initial-exec"))) = NULL;
__thread bool asyncio_thread_awaits_main __attribute__((tls_model("initial-exec"))) = false;

bool asyncio_abandoned = false;
bool asyncio_ownership_checked = false;
