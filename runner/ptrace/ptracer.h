/* The tracer, as ptrace(2) calls it: what it knows, and what it asks of the kernel. */
#pragma once

#include "runner/ptrace/points.h"
#include "runner/ptrace/recorder.h"
#include <sys/ptrace.h>

struct ptracer {
    uint32_t call_frames, change_frames; /* of stacks, at most */
    struct recorder *recorder;
    struct tracees tracees;
    bool filtered; /* only calls of interest stop */
    bool follow;
    bool no_last_words;
    bool wants_where;
    const char *where_names; /* of those only, with commas between; or NULL */
    struct where *where;
    bool wants_resident;
    const char *moment_names; /* functions and lines, with commas between; or NULL */
    struct moments *moments;
    struct points points; /* for it, and for moments */
    bool running;         /* -p: the program was there before us */
    bool refused;         /* the kernel lets nobody, or not us, trace it */
    pid_t other;          /* but this one, who does so already */
    uint64_t options;     /* of PTRACE_SEIZE */
    pid_t first;          /* the process that it is all about */
    bool ended;           /* that has */
    int status;           /* how */
    unsigned recorded;    /* processes with an image */
    int report;           /* what the child says before execve: struct start_report */
    int exec_error;       /* of its execve */
    bool watching;        /* the timer runs */
    bool dirty;           /* views have got something since they were flushed */
    bool waiting;         /* for children, after the first process */
};

long ptracer_ask(int request, pid_t tid, uintptr_t address, uintptr_t data); /* -errno on failure */

/* It cannot be seized. */
void ptracer_refused(struct ptracer *t, pid_t tid);

/* Lets a stopped thread go on, with a signal or 0. */
void ptracer_go(struct ptracer *t, struct tracee *thread, int signal);

/* waitpid(2) for any thread or one; -1 with errno, EINTR among them. */
pid_t ptracer_wait(const struct ptracer *t, pid_t pid, int *status);

/* For one thread, even if the timer of the views comes meanwhile. */
bool ptracer_wait_for(const struct ptracer *t, pid_t tid, int *status);
