#define _GNU_SOURCE
#include "CAsyncIOMain.h"
#include "CShims.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

// If a program has an async main function, the C main function that the compiler generates creates a task and
// calls swift_job_run with this task. The function in this file replaces the runtime's function and records the
// task, so that Ctrl-C can cancel the task. The runtime's own calls do not reach this function. If the runtime is
// linked statically, the runtime's function takes precedence, because the function in this file is weak. In that
// case, the task is unknown.
typedef struct {
    void *identity;
    uintptr_t implementation;
} executor;

typedef ASYNCIO_SWIFTCALL void job_runner(void *job, executor on);

static job_runner *runtimes;

// Swift 6.3 ignores `typealias DefaultExecutorFactory`. Therefore, this constructor, which runs before main,
// installs the loop both for an async main function and for test runners.
__attribute__((constructor)) static void install(void) {
    runtimes = (job_runner *)dlsym(RTLD_NEXT, "swift_job_run");
    asyncio_install_at_load();
}

__attribute__((weak)) ASYNCIO_SWIFTCALL void swift_job_run(void *job, executor on) {
    // In a program, main makes the first call. In a test runner, main does not call this function, so a thread
    // with its own loop can make the first call.
    static atomic_bool has_begun = false;
    if (!atomic_load_explicit(&has_begun, memory_order_relaxed) && !atomic_exchange(&has_begun, true) &&
        gettid() == getpid())
        asyncio_set_main_task(job);
    if (!runtimes) abort();
    runtimes(job, on);
}
