//===-- Child processes -----------------------------------------------------===//
#ifndef ASYNCIO_SPAWN_H
#define ASYNCIO_SPAWN_H

#include "include/platform.h"

#include <stdbool.h>
#include <stdint.h>

/// The parameters of a child. None of the pointers is kept.
typedef struct {
    /// The files to try to execute, in order; ends with NULL.
    const char *const *candidates;
    /// Both end with NULL.
    char *const *arguments;
    char *const *environment;
    /// The child's working directory; NULL for the parent's.
    const char *directory;
    /// `sources[i]` of this process becomes `targets[i]` of the child, which gets no other
    /// descriptors except 0, 1 and 2. `scratch` has room for `count` more.
    const int *sources;
    const int *targets;
    int *scratch;
    int count;
    /// -1 for the parent's group, 0 for a new one, or the number of a group.
    int process_group;
    bool has_new_session;
    /// Whether descriptor 0 becomes the terminal of the new session.
    bool has_terminal;
    /// The signal that the child gets when the thread that started it ends; 0 for none.
    int parent_death_signal;
    /// -1 for the parent's mask.
    int umask;
} asyncio_spawn_request;

/// The step at which a child failed.
enum {
    ASYNCIO_SPAWN_CLONE,
    ASYNCIO_SPAWN_DESCRIPTORS,
    ASYNCIO_SPAWN_DIRECTORY,
    ASYNCIO_SPAWN_SESSION,
    ASYNCIO_SPAWN_EXECUTE,
};

/// Starts a child and returns when it executes its program. Returns 0, or -errno if no child was
/// started; `stage` is then the failed step. `pidfd` is close-on-exec.
int asyncio_spawn(const asyncio_spawn_request *request, int *pid, int *pidfd, int *stage);

/// Reaps an ended child and returns its exit status, or the negated number of the signal that ended
/// it.
///
/// - Returns: 1; 0 if the child has not ended; -ECHILD if other code has reaped it.
int asyncio_reap(int pidfd, bool waits, int *status);
int asyncio_pidfd_signal(int pidfd, int pid, int signal);

/// The environment variables of this process, "NAME=value", ending with NULL. NULL if there are
/// none at all.
char **asyncio_environment(void);

/// Both ends are close-on-exec and blocking.
int asyncio_pipe(int *reader, int *writer);

#endif
