/* Programs that cannot be preloaded, and running ones, as a source of events: by ptrace(2). */
#ifndef PMT_PTRACE_H
#define PMT_PTRACE_H

#include "runner/model/model.h"
#include "runner/program/launch.h"

struct ptrace_request {
    const struct launch *launch; /* the program to start (shim and socket are not used), or NULL */
    pid_t pid;                   /* then: the process to look at */
    bool follow;                 /* children, too */
    uint32_t call_frames, change_frames; /* of their stacks, at most */
    /* The program has ended, and `count` processes that are followed go on; `pid` is one of
     * them. */
    void (*waiting)(size_t count, pid_t pid);
};

/* What went wrong, where ptrace_trace() returns an error. */
enum ptrace_failure {
    PTRACE_FAILURE_OWN,     /* something else */
    PTRACE_FAILURE_EXEC,    /* execve(2) of the program */
    PTRACE_FAILURE_REFUSED, /* the kernel lets nobody, or not us, trace it */
};

struct ptrace_result {
    bool started;    /* there was an image */
    bool unfiltered; /* seccomp is not available: every system call stopped */
    bool detached;   /* -p: the process goes on */
    enum ptrace_failure failure;
    int status; /* of the first process, as waitpid(2) gives it */
};

struct ptrace_source;

/* Feeds the events of the program to the model until all processes of interest have ended, or until
 * SIGINT or SIGTERM where it only looks at a running process. Returns 0 or -errno.
 * `*source`: to be released when the model has been closed. */
int ptrace_trace(const struct ptrace_request *request, struct model *model,
                 struct ptrace_result *result, struct ptrace_source **source);

/* Children that are not followed may still be under the filter: stays until they have ended. */
void ptrace_release(struct ptrace_source *source);

#endif
