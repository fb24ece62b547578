// The variables of clock.h, which explains why they are in C. Only inline functions may use them.
#include "clock.h"

asyncio_clock_function *asyncio_machine_clock = clock_gettime;

__thread int64_t asyncio_thread_virtual_time __attribute__((tls_model("initial-exec"))) = INT64_MIN; // ASYNCIO_REAL_TIME
__thread int64_t asyncio_thread_virtual_epoch __attribute__((tls_model("initial-exec"))) = 0;
