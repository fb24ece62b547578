#define _GNU_SOURCE
#include "check.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures;

bool asyncio_check(bool condition, const char *text, const char *file, int line) {
    if (condition) return true;
    fprintf(stderr, "%s:%d: not true: %s\n", file, line, text);
    failures += 1;
    return false;
}

void asyncio_skip(const char *part, const char *reason) {
    fprintf(stderr, "skipped: %s (%s)\n", part, reason);
}

int asyncio_in_child(void (*body)(void)) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        body();
        _exit(0);
    }
    int status = -1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return status;
}

int main(void) {
    static const struct { const char *name; void (*run)(void); } parts[] = {
        {"descriptors", check_descriptors}, {"sockets", check_sockets}, {"files", check_files},
        {"threads", check_threads}, {"signals", check_signals}, {"children", check_children},
        {"runtime", check_runtime}, {"frames", check_frames}, {"rings", check_rings}, {"tls", check_tls},
    };
    // A part that never ends fails.
    alarm(60);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        int before = failures;
        parts[i].run();
        printf("%s: %s\n", parts[i].name, failures == before ? "ok" : "FAILED");
        fflush(stdout);
    }
    return failures != 0;
}
