//===-- Child processes -----------------------------------------------------===//
#ifndef ASYNCIO_SPAWN_H
#define ASYNCIO_SPAWN_H

#include "include/platform.h"

#include <stdbool.h>
#include <stdint.h>

/// The parameters of a child. The pointers are not used after the call.
typedef struct {
    /// The files to try to execute, in order. The list ends with NULL.
    const char *const *candidates;
    /// The arguments and the environment. Both lists end with NULL.
    char *const *arguments;
    char *const *environment;
    /// The child's working directory, or NULL for the parent's working directory.
    const char *directory;
    /// `sources[i]` of this process becomes `targets[i]` of the child, which gets no other
    /// descriptors except 0, 1, and 2. `scratch` has room for `count` more descriptors.
    const int *sources;
    const int *targets;
    int *scratch;
    int count;
    /// The child's process group: -1 for the parent's group, 0 for a new group, or the number of a
    /// group.
    int process_group;
    bool has_new_session;
    /// Whether descriptor 0 becomes the terminal of the new session.
    bool has_terminal;
    /// The signal that the child gets when the thread that started it ends, or 0 for no signal.
    int parent_death_signal;
    /// The child's file mode creation mask, or -1 for the parent's mask.
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

/// Starts a child, and returns when the child executes its program. Returns 0, or -errno if no
/// child was started. In the latter case, `stage` is the failed step. `pidfd` is close-on-exec.
int asyncio_spawn(const asyncio_spawn_request *request, int *pid, int *pidfd, int *stage);

/// Reaps an ended child. Stores its exit status, or the negated number of the signal that ended it,
/// in `status`.
///
/// - Returns: 1 if the child was reaped, 0 if it has not ended, or -ECHILD if other code has reaped
///   it.
int asyncio_reap(int pidfd, bool waits, int *status);
int asyncio_pidfd_signal(int pidfd, int pid, int signal);

/// Returns the environment variables of this process in the form "NAME=value". The list ends with
/// NULL. Returns NULL if there is no list.
char **asyncio_environment(void);

/// Creates a pipe. Both ends are close-on-exec and blocking.
int asyncio_pipe(int *reader, int *writer);

#endif
