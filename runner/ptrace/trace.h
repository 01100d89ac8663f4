/* Programs that cannot be preloaded, and running ones, as a source of events: by ptrace(2). */
#pragma once

#include "runner/model/model.h"
#include "runner/program/launch.h"

struct trace_request {
    const struct launch *launch; /* the program to start (shim and socket are not used), or NULL */
    pid_t pid;                   /* then: the process to look at */
    bool follow;                 /* children, too */
    bool no_last_words;          /* fatal signals are not told */
    bool where;                  /* variables and functions are told ... */
    bool resident;               /* which pages are touched is told ... */
    const char *moments;     /* ... also then: functions and lines, with commas between; or NULL */
    const char *where_names; /* ... or only these, with commas between */
    uint32_t call_frames, change_frames; /* of their stacks, at most */
    /* The program has ended, and `count` processes that are followed go on; `pid` is one of
     * them. */
    void (*waiting)(size_t count, pid_t pid);
};

/* What went wrong, where trace_program() returns an error. */
enum trace_failure {
    TRACE_FAILURE_OWN,     /* something else */
    TRACE_FAILURE_EXEC,    /* execve(2) of the program */
    TRACE_FAILURE_REFUSED, /* the kernel lets nobody, or not us, trace it */
};

struct trace_result {
    bool started;             /* there was an image */
    char unknown_moment[200]; /* the first that there is not; "" */
    bool unfiltered;          /* seccomp is not available: every system call stopped */
    enum trace_failure failure;
    pid_t other; /* who traces it already; 0: nobody */
    int status;  /* of the first process, as waitpid(2) gives it */
};

struct ptracer;

/* Feeds the events of the program to the model until all processes of interest have ended, or until
 * SIGINT or SIGTERM where it only looks at a running process. Returns 0 or -errno.
 * `*tracer`: to be released when the model has been closed. */
int trace_program(const struct trace_request *request, struct model *model,
                  struct trace_result *result, struct ptracer **tracer);

/* Children that are not followed may still be under the filter: stays until they have ended. */
void trace_release(struct ptracer *t);
