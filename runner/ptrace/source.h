/* What the files of the ptrace source share. */
#ifndef PMT_PTRACE_SOURCE_H
#define PMT_PTRACE_SOURCE_H

#include "runner/ptrace/loop.h"
#include "runner/ptrace/recorder.h"
#include "runner/ptrace/tracees.h"
#include <sys/ptrace.h>

struct ptrace_source {
    uint32_t call_frames, change_frames; /* of stacks, at most */
    struct recorder *recorder;
    struct tracees tracees;
    bool filtered; /* only calls of interest stop */
    bool follow;
    bool running;      /* -p: the program was there before us */
    uint64_t options;  /* of PTRACE_SEIZE */
    pid_t first;       /* the process that it is all about */
    bool ended;        /* that has */
    int status;        /* how */
    unsigned recorded; /* processes with an image */
    int report;        /* what the child says before execve: struct ptrace_report */
    int exec_error;    /* of its execve */
    bool watching;     /* the timer runs */
    bool dirty;        /* views have got something since they were flushed */
    bool waiting;      /* for children, after the first process */
    bool gathering;    /* -p: stops are only noted, until all threads have one */
    bool parting;      /* -p: each thread is released at its next stop */
};

/* ---- loop.c ---- */

/* Lets a stopped thread go on, with a signal or 0. */
void ptrace_go(struct ptrace_source *s, struct thread *thread, int signal);
long ptrace_ask(int request, pid_t tid, uintptr_t address, uintptr_t data); /* -errno on failure */

/* waitpid(2) for any thread or one; -1 with errno, EINTR among them. */
pid_t ptrace_wait(const struct ptrace_source *s, pid_t pid, int *status);

/* What a stop means, with the status that waitpid(2) gave. */
void ptrace_stop(struct ptrace_source *s, struct thread *thread, int status);
void ptrace_handle(struct ptrace_source *s, pid_t tid, int status);

/* ---- signals.c ---- */

/* What is sent to the runner is for the program `pid`; Ctrl-C reaches that by itself. */
void ptrace_pass_signals_to(pid_t pid);
/* From here on SIGINT and SIGTERM end the tracing: ptrace_interrupted() becomes true, and a wait is
 * interrupted, again and again. */
void ptrace_end_by_signals(void);
bool ptrace_interrupted(void);
void ptrace_start_timer(void);
/* Interrupts a wait now and then, until it is called off; ptrace_ticked(): it has
 * done so. */
void ptrace_set_timer(bool on);
bool ptrace_ticked(void);
void ptrace_ignore_signals(void);

/* ---- attach.c ---- */

/* All threads of a running process, and its first image. */
int ptrace_attach(struct ptrace_source *s, pid_t pid, enum ptrace_failure *failure);
void ptrace_detach(struct ptrace_source *s); /* of everything; it goes on as before */
void ptrace_part(struct ptrace_source *s, struct thread *thread, int status); /* at a stop */

/* ---- calls.c ---- */

/* A system call begins, or ends, in a thread that is stopped there. */
void ptrace_call_stop(struct ptrace_source *s, struct thread *thread);
/* The thread has nothing to do with the map any more; the next one may change it. */
void ptrace_let_next(struct ptrace_source *s, struct space *space, struct thread *holder);

/* The stack of a stopped thread, through the allocator call that it is in, of `most` frames: its
 * number. */
uint32_t ptrace_stack(struct ptrace_source *s, struct thread *thread,
                      const struct user_regs_struct *regs, uint32_t most);

/* ---- allocator.c ---- */

/* Writes the breakpoints of a space into the memory of a stopped thread; forgets those for which
 * that is not possible. */
void ptrace_set_breakpoints(struct space *space, pid_t tid);
void ptrace_remove_breakpoints(const struct space *space, pid_t tid);
/* The copy of a space that a child got that is not recorded. */
void ptrace_clean_child(const struct space *space, const struct thread *thread);
/* A SIGTRAP: if it is a breakpoint of ours everything is done, and the thread goes on. */
bool ptrace_trapped(struct ptrace_source *s, struct thread *thread);
/* Before a thread is released: it is to go on as if it had never met a breakpoint. `at_signal`: it
 * is stopped by a SIGTRAP; returns whether that was ours. */
bool ptrace_untrap(struct thread *thread, bool at_signal);

/* ---- life.c ---- */

void ptrace_begin_image(struct ptrace_source *s, struct thread *thread, enum pmt_origin origin);
/* The images go on, but not their recording. */
void ptrace_stop_recording(struct ptrace_source *s);
void ptrace_birth(struct ptrace_source *s, struct thread *creator, int event);
void ptrace_welcome(struct ptrace_source *s, struct thread *thread); /* its first stop */
void ptrace_exec(struct ptrace_source *s, pid_t pid);
void ptrace_leaving(struct ptrace_source *s, struct thread *thread);
void ptrace_ended(struct ptrace_source *s, struct thread *thread, int status);

/* ---- start.c ---- */

/* Starts the child, which stops at its execve. */
int ptrace_launch(struct ptrace_source *s, const struct launch *launch,
                  enum ptrace_failure *failure);
void ptrace_read_report(struct ptrace_source *s);

/* ---- memory of a stopped program: peek.c ---- */

bool ptrace_read(pid_t tid, uint64_t address, void *out, size_t size);
size_t ptrace_read_some(pid_t tid, uint64_t address, void *out, size_t size); /* bytes read */
bool ptrace_write_data(pid_t tid, uint64_t address, const void *bytes, size_t size);
bool ptrace_write(pid_t tid, uint64_t address, const void *bytes, size_t size); /* code, too */
void ptrace_read_text(pid_t tid, uint64_t address, char *out, size_t size);
uint64_t ptrace_read_word(pid_t tid, uint64_t address, unsigned word_size); /* 0 if there is none */

#endif
