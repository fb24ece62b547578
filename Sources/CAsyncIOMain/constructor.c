#define _GNU_SOURCE
#include "CAsyncIOMain.h"
#include "CShims.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

// If a program has an async main, the C main that the compiler generates calls swift_job_run with
// the task that it created. The function here replaces the runtime's (whose own calls of it do not
// come here) and records the task, so that Ctrl-C can cancel it. If the runtime is linked
// statically, its own function takes precedence, because this one is weak, and the task is unknown.
typedef struct {
    void *identity;
    uintptr_t implementation;
} executor;

typedef ASYNCIO_SWIFTCALL void job_runner(void *job, executor on);

static job_runner *runtimes;

// Swift 6.3 ignores `typealias DefaultExecutorFactory`. This constructor, which runs
// before main, installs the loop both for an async main and for test runners.
__attribute__((constructor)) static void install(void) {
    runtimes = (job_runner *)dlsym(RTLD_NEXT, "swift_job_run");
    asyncio_install_at_load();
}

__attribute__((weak)) ASYNCIO_SWIFTCALL void swift_job_run(void *job, executor on) {
    // The first call is that of main. In a test runner, whose main does not call this function, it can come from a
    // thread with a loop of its own.
    static atomic_bool has_begun = false;
    if (!atomic_load_explicit(&has_begun, memory_order_relaxed) && !atomic_exchange(&has_begun, true) &&
        gettid() == getpid())
        asyncio_set_main_task(job);
    if (!runtimes) abort();
    runtimes(job, on);
}
