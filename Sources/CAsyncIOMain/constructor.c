#define _GNU_SOURCE
#include "CAsyncIOMain.h"
#include "CShims.h"

#include <dlfcn.h>
#include <stdlib.h>

// Swift 6.3 ignores `typealias DefaultExecutorFactory`. A constructor that runs
// before main installs the loop for an async main and for test runners alike.
__attribute__((constructor)) static void install(void) { asyncio_install_at_load(); }

// The compiler has the C main of a program with an async main call swift_job_run, with the task
// that it has made for it. The one here takes the place of the runtime's, whose own calls of it
// do not come by here, and notes the task: Ctrl-C cancels it. If the runtime is linked
// statically, this one, being weak, gives way to it, and nobody knows the task.
typedef struct {
    void *identity;
    uintptr_t implementation;
} executor;

typedef ASYNCIO_SWIFTCALL void job_runner(void *job, executor on);

__attribute__((weak)) ASYNCIO_SWIFTCALL void swift_job_run(void *job, executor on) {
    static job_runner *next = NULL;
    if (!next) {
        asyncio_set_main_task(job);
        next = (job_runner *)dlsym(RTLD_NEXT, "swift_job_run");
        if (!next) abort();
    }
    next(job, on);
}
