//===-- Child processes -----------------------------------------------------===//
#ifndef ASYNCIO_SPAWN_H
#define ASYNCIO_SPAWN_H

#include <stdbool.h>
#include <stdint.h>

/// What a child is to be. Nothing of it is kept.
typedef struct {
    /// The files to try to execute, one after the other; ends with NULL.
    const char *const *candidates;
    /// Both end with NULL.
    char *const *arguments;
    char *const *environment;
    /// Where the child starts; NULL for where its parent is.
    const char *directory;
    /// `sources[i]` of this process becomes `targets[i]` of the child, which has no other
    /// descriptors but 0, 1 and 2. `scratch` has room for `count` more.
    const int *sources;
    const int *targets;
    int *scratch;
    int count;
    /// -1 for its parent's, 0 for one of its own, or the group's number.
    int process_group;
    bool has_new_session;
    /// Descriptor 0 becomes the terminal of the new session.
    bool has_terminal;
    /// What the child gets when the thread that started it ends; 0 for nothing.
    int parent_death_signal;
    /// -1 for its parent's.
    int umask;
} asyncio_spawn_request;

/// What the child was doing when it failed.
enum {
    ASYNCIO_SPAWN_CLONE,
    ASYNCIO_SPAWN_DESCRIPTORS,
    ASYNCIO_SPAWN_DIRECTORY,
    ASYNCIO_SPAWN_SESSION,
    ASYNCIO_SPAWN_EXECUTE,
};

/// Starts a child, and returns when it has become another program: 0, or -errno with
/// `stage` and without a child. `pidfd` is close-on-exec.
int asyncio_spawn(const asyncio_spawn_request *request, int *pid, int *pidfd, int *stage);

/// Takes an ended child's status: its exit status, or minus the signal that ended it.
///
/// - Returns: 1; 0 if it has not ended; -ECHILD if somebody else took it.
int asyncio_reap(int pidfd, bool waits, int *status);
int asyncio_pidfd_signal(int pidfd, int pid, int signal);
int asyncio_group_signal(int group, int signal);

/// This process's variables, "NAME=value", ending with NULL.
char **asyncio_environment(void);

/// Copies the variable's value, takes it out of the environment, and returns its length; -1 if
/// there is none, or it is too long.
int asyncio_take_variable(const char *name, char *value, int capacity);
/// Copies the path of this program's file and returns its length, or -errno.
int asyncio_executable(char *path, int capacity);
/// Two connected sockets, close-on-exec.
int asyncio_socket_pair(int *first, int *second);

/// Both ends are close-on-exec and block.
int asyncio_pipe(int *reader, int *writer);
int asyncio_open_null(void);
/// A pseudo-terminal; both ends are close-on-exec.
int asyncio_open_terminal(int columns, int rows, int *ours, int *childs);
int asyncio_resize_terminal(int fd, int columns, int rows);

#endif
