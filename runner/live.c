#include "live.h"
#include "attach.h"
#include "clock.h"
#include "memory.h"
#include "ring.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RELEASE_BYTES (256u << 10) /* producers get their space back at least so often */
#define SLEEP_FIRST_NS 50000       /* between two looks at a ring that gets records all the time */
#define SLEEP_LAST_NS 4000000      /* at one that does not */
#define HOLE_NS 1000000000u        /* how long a reserved record may stay uncommitted */

struct live {
    struct attach attach;
    struct ring *ring;
    struct clock clock;
    struct model *model;
    pid_t pid;
    int pidfd;
    bool attached, exited, fresh;
    int status;
    bool exit_seen; /* by the shim, at exit_ns */
    uint64_t exit_ns;
    uint64_t t_ns;       /* of the last event */
    uint32_t call_word;  /* the time of the last compact record, if t_ns is its */
    uint64_t hole_since; /* CLOCK_MONOTONIC, 0: none */
};

static pid_t forward_to;                    /* the program, for on_signal() */
static volatile uint64_t died_tsc, died_ns; /* for on_child() */

static void on_signal(int number)
{
    if (forward_to > 0)
        kill(forward_to, number);
}

static uint64_t monotonic(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* When the program ended; what it left in the ring may take a while to go through. */
static void on_child(int number)
{
    (void)number;
    died_ns = monotonic();
    died_tsc = __builtin_ia32_rdtsc();
}

/* Ctrl-C reaches the program by itself; what is sent to the runner alone is passed on. */
static void set_signals(pid_t pid)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, forward = {.sa_handler = on_signal};
    forward_to = pid;
    sigaction(SIGINT, &ignore, NULL);
    sigaction(SIGQUIT, &ignore, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGTERM, &forward, NULL);
    sigaction(SIGHUP, &forward, NULL);
    sigaction(SIGUSR1, &forward, NULL);
    sigaction(SIGUSR2, &forward, NULL);
}

static void pass_on(struct live *l, const struct pmt_record *record)
{
    struct event event = {.record = record, .pid = (uint32_t)l->pid};
    if (!l->model->started) {
        if (record->type != PMT_RECORD_PROCESS) { /* the first record was overwritten */
            l->ring->lost[PMT_LOSS_CORRUPT]++;
            return;
        }
        clock_start(&l->clock, record->time);
    }
    uint64_t time = clock_whole(&l->clock, record->time);
    l->call_word = 0;
    if (record->type == PMT_RECORD_EXIT) {
        l->exit_seen = true;
        l->exit_ns = clock_ns(&l->clock, time);
        return; /* how it really ends is known when it has been waited for */
    }
    l->t_ns = event.t_ns = clock_ns(&l->clock, time);
    if (record->type == PMT_RECORD_ALLOC && pmt_record_size(record) == sizeof(struct pmt_alloc))
        event.began_ns = clock_ns(&l->clock, ((const struct pmt_alloc *)record)->began);
    model_event(l->model, &event);
}

static void release(struct live *l)
{
    if (l->ring->tail - l->ring->released < RELEASE_BYTES)
        return;
    ring_release(l->ring);
    clock_adjust(&l->clock);
}

/* Most calls carry a copy of the time of the one before. */
static uint64_t call_ns(struct live *l, uint32_t word)
{
    if (word != l->call_word) {
        l->t_ns = clock_ns(&l->clock, clock_whole(&l->clock, word));
        l->call_word = word;
    }
    return l->t_ns;
}

/* Calls that are only counted, while they come one after the other: this is where a program that
 * allocates all the time is followed. */
static bool drain_calls(struct live *l)
{
    struct pmt_call32 call;
    bool any = false;
    if (!model_only_counts(l->model))
        return false;
    for (; ring_next_call(l->ring, &call); any = true) {
        model_count(l->model, &call, l->ring->tid, call_ns(l, call.time));
        release(l);
    }
    return any;
}

/* Everything that is there now; whether there was anything. As long as there is, producers need not
 * read the clock for each record (pmt_record.time). */
static bool drain(struct live *l)
{
    bool any = false;
    ring_look(l->ring);
    for (;; any = true) {
        any |= drain_calls(l);
        enum ring_state state = ring_next(l->ring);
        if (state == RING_EMPTY)
            break;
        if (((struct pmt_record *)l->ring->record)->type != PMT_RECORD_ALLOC)
            ring_tell_time(l->ring, 0); /* this one may take a while: names, a page of text */
        if (state == RING_RECORD)
            pass_on(l, (const struct pmt_record *)l->ring->record);
        else if (!ring_skip(l->ring, PMT_LOSS_CORRUPT, true))
            break;
        release(l);
    }
    ring_release(l->ring);
    ring_tell_time(l->ring, any ? clock_coarse(&l->clock) : 0);
    return any;
}

/* A thread may have been ended between reserving and committing. */
static void step_over_holes(struct live *l)
{
    if (!ring_has_hole(l->ring)) {
        l->hole_since = 0;
        return;
    }
    uint64_t now = monotonic();
    if (!l->hole_since)
        l->hole_since = now;
    else if (now - l->hole_since > HOLE_NS && ring_skip(l->ring, PMT_LOSS_TORN, false))
        l->hole_since = 0;
}

static void look_around(struct live *l)
{
    uint32_t pid;
    if (!l->attached && attach_accept(&l->attach, l->ring, &pid))
        l->attached = true;
    if (waitpid(l->pid, &l->status, WNOHANG) == l->pid)
        l->exited = true;
}

static void sleep_until_something(struct live *l, long *ns)
{
    struct pollfd fds[] = {{.fd = l->attached ? -1 : l->attach.socket, .events = POLLIN},
                           {.fd = l->pidfd, .events = POLLIN}};
    struct timespec timeout = {.tv_nsec = *ns};
    if (l->fresh && *ns > SLEEP_FIRST_NS) { /* nothing came meanwhile */
        model_flush(l->model);
        l->fresh = false;
    }
    clock_adjust(&l->clock);
    ppoll(fds, 2, &timeout, NULL);
    *ns = *ns * 2 > SLEEP_LAST_NS ? SLEEP_LAST_NS : *ns * 2;
}

/* The runner sleeps between two looks instead of waiting actively: it reads more at a time, and not
 * where the program is just writing, and the two may share a processor core. */
static void run(struct live *l)
{
    long sleep_ns = SLEEP_FIRST_NS;
    while (!l->exited) {
        if (l->attached && drain(l)) {
            sleep_ns = SLEEP_FIRST_NS;
            l->fresh = true;
        } else {
            step_over_holes(l);
        }
        look_around(l);
        if (!l->exited)
            sleep_until_something(l, &sleep_ns);
    }
}

/* What the dead process left in the ring. */
static void drain_rest(struct live *l)
{
    do
        drain(l);
    while (ring_has_hole(l->ring) && ring_skip(l->ring, PMT_LOSS_TORN, true));
    for (unsigned reason = 1; reason < PMT_LOSS_COUNT; reason++) {
        uint32_t count = ring_lost(l->ring, (enum pmt_loss)reason);
        struct pmt_lost lost = {.r = {.units = sizeof lost / PMT_RECORD_ALIGN,
                                      .type = PMT_RECORD_LOSS,
                                      .call = (uint8_t)reason,
                                      .tid = (uint32_t)l->pid},
                                .count = count};
        struct event event = {.record = &lost.r, .pid = (uint32_t)l->pid, .t_ns = l->t_ns};
        if (count && l->model->started)
            model_event(l->model, &event);
    }
}

static void tell_exit(struct live *l)
{
    struct pmt_exit x = {.r = {.units = sizeof x / PMT_RECORD_ALIGN,
                               .type = PMT_RECORD_EXIT,
                               .tid = (uint32_t)l->pid},
                         .status = WIFEXITED(l->status) ? WEXITSTATUS(l->status) : 0,
                         .signal = WIFSIGNALED(l->status) ? (uint32_t)WTERMSIG(l->status) : 0};
    uint64_t now = l->clock.kind == PMT_CLOCK_TSC ? died_tsc : died_ns;
    struct event event = {.record = &x.r,
                          .pid = (uint32_t)l->pid,
                          .t_ns = l->exit_seen ? l->exit_ns : clock_ns(&l->clock, now)};
    if (event.t_ns < l->t_ns)
        event.t_ns = l->t_ns;
    if (l->model->started)
        model_event(l->model, &event);
}

static uint32_t ring_flags(void)
{
    const char *snapshots = getenv(PMT_ENV_SNAPSHOTS);
    return snapshots && strcmp(snapshots, "text") == 0 ? PMT_RING_TEXT_SNAPSHOTS : 0;
}

int live_trace(struct launch *launch, struct model *model, struct live_result *result,
               bool *executing)
{
    struct live l = {.model = model, .ring = memory_get(sizeof *l.ring)};
    clock_init(&l.clock);
    int error = ring_create(l.ring, l.clock.kind, ring_flags());
    if (!error)
        error = attach_init(&l.attach);
    if (error)
        return error;
    launch->socket = l.attach.name;
    struct sigaction child = {.sa_handler = on_child, .sa_flags = SA_NOCLDSTOP | SA_RESTART};
    sigaction(SIGCHLD, &child, NULL);
    error = launch_program(launch, &l.pid, executing);
    l.ring->tid = (uint32_t)l.pid;
    if (!error) {
        set_signals(l.pid);
        l.pidfd = (int)syscall(SYS_pidfd_open, l.pid, 0);
        run(&l);
        drain_rest(&l);
        tell_exit(&l);
        close(l.pidfd);
    }
    attach_close(&l.attach);
    ring_destroy(l.ring);
    memory_put(l.ring);
    *result = (struct live_result){l.attached, model->started, l.status};
    return error;
}
