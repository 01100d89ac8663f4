#include "runner/ring/live.h"
#include "runner/base/memory.h"
#include "runner/base/now.h"
#include "runner/program/pass_signals.h"
#include "runner/ring/clock.h"
#include "runner/ring/pidfd.h"
#include "runner/ring/server.h"
#include "runner/ring/stream.h"
#include "runner/ring/unheard.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLEEP_FIRST_NS 50000  /* between two looks at rings that get records all the time */
#define QUIET_NS 1000000000u  /* after this long the user is told what is waited for */
#define SLEEP_LAST_NS 4000000 /* at those that do not */
#define ACCEPTED_AT_ONCE 64   /* connections between two looks at the rings */

struct live {
    struct server server;
    struct clock clock;
    struct model *model;
    struct stream *streams; /* the images that live */
    uint32_t images;        /* so many have come */
    struct unheard unheard;
    int first_ring;    /* of ring_memory(), got while the program is on its way */
    uint64_t ended_ns; /* CLOCK_MONOTONIC of the last end of an image or of the program */
    size_t count;      /* of streams */
    pid_t pid;         /* the program */
    int pidfd;
    bool follow, loaded, exited, fresh, overwritten;
    bool asked;      /* somebody may wait for an answer */
    bool told[2];    /* the user, that unheard of (0) or known (1) children are waited for */
    uint32_t stacks; /* of the launch, likewise stack_depth */
    uint8_t stack_depth;
    int status; /* of the program */
    void (*waiting)(size_t count, pid_t pid);
};

static volatile uint64_t died_tsc, died_ns; /* for on_child() */
static volatile sig_atomic_t interrupted;   /* Ctrl-C */

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* When the program ended; what it left in the ring may take a while to go through. */
static void on_child(int number)
{
    (void)number;
    died_ns = now_ns(CLOCK_MONOTONIC);
    died_tsc = __builtin_ia32_rdtsc();
}

/* When the program has ended and its children go on, Ctrl-C ends the tracing. */
static void set_signals(pid_t pid)
{
    struct sigaction interrupt = {.sa_handler = on_interrupt};
    pass_signals_to(pid, false);
    sigaction(SIGINT, &interrupt, NULL);
}

static uint64_t trace_ns(const struct live *l)
{
    return clock_ns(&l->clock, l->clock.kind == PMT_CLOCK_TSC ? __builtin_ia32_rdtsc()
                                                              : now_ns(CLOCK_MONOTONIC));
}

/* What the rings hold by now, in the order of time: no longer, as there may be a child that asks
 * for its ring. */
static bool merge(struct live *l)
{
    bool any = false;
    if (!l->model->started && l->streams)
        stream_drain(l->streams, 0); /* its process record, by which the clock is set */
    const uint64_t now = l->model->started ? trace_ns(l) : 0;
    for (;;) {
        struct stream *first = NULL;
        uint64_t earliest = now, until = now;
        for (struct stream *t = l->streams; t; t = t->next) {
            uint64_t next = stream_next_ns(t);
            if (next < earliest) {
                until = earliest;
                earliest = next;
                first = t;
            } else if (next < until) {
                until = next;
            }
        }
        if (!first || !stream_drain(first, until))
            return any;
        any = true;
    }
}

/* ---- images come and go ---- */

static void end(struct live *l, struct stream *t, const struct pmt_exit *how, uint64_t ns)
{
    struct stream **link = &l->streams;
    while (*link != t)
        link = &(*link)->next;
    *link = t->next;
    l->count--;
    l->ended_ns = now_ns(CLOCK_MONOTONIC);
    int ring = t->ring.fd;
    t->ring.fd = -1;
    l->overwritten |= stream_end(t, how, ns);
    if (ring >= 0)
        unheard_add_ring(&l->unheard, ring);
}

static struct stream *stream_of(const struct live *l, pid_t pid)
{
    struct stream *t = l->streams;
    while (t && t->pid != pid)
        t = t->next;
    return t;
}

static struct pmt_exit by_status(int status)
{
    return (struct pmt_exit){.status = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
                             .signal = WIFSIGNALED(status) ? (uint32_t)WTERMSIG(status) : 0};
}

static uint32_t ring_flags(const struct live *l, const struct pmt_hello *hello)
{
    const char *snapshots = getenv(PMT_ENV_SNAPSHOTS), *kernel = getenv(PMT_ENV_KERNEL);
    uint32_t flags = snapshots && strcmp(snapshots, "text") == 0 ? PMT_RING_TEXT_SNAPSHOTS : 0;
    if (kernel && strcmp(kernel, "calls") == 0)
        flags |= PMT_RING_CALLS_ONLY;
    flags |= l->stacks;
    if (l->follow)
        flags |= PMT_RING_FOLLOW;
    if (l->loaded && hello->origin != PMT_ORIGIN_FORK)
        flags |= PMT_RING_EXEC;
    return flags;
}

/* Only the program itself, and if children are followed whoever got our socket's name from it. */
static void take_in(struct live *l, int client, const struct pmt_hello *hello, pid_t pid)
{
    if (pid != l->pid && !l->follow)
        return server_refuse(client);
    if (hello->announces) {
        unheard_add_process(&l->unheard, pid);
        return server_refuse(client);
    }
    unheard_remove_process(&l->unheard, pid);
    struct stream *t = stream_new(pid, &l->images, &l->clock, l->model);
    int memory = l->first_ring >= 0 ? l->first_ring : ring_memory();
    l->first_ring = -1;
    if (ring_create(&t->ring, memory, l->clock.kind, ring_flags(l, hello)) != 0) {
        memory_put(t);
        return server_refuse(client);
    }
    t->ring.tid = (uint32_t)pid;
    t->ring.shared->stack_depth = l->stack_depth;
    t->verified = l->stacks & PMT_RING_VERIFY_STACKS;
    struct stream *before = stream_of(l, pid);
    if (before) {
        merge(l);
        end(l, before, &(struct pmt_exit){.end = PMT_END_EXEC}, 0);
    }
    t->pidfd = pidfd_of(pid);
    /* of two records of the same time the older image's is first */
    struct stream **last = &l->streams;
    while (*last)
        last = &(*last)->next;
    *last = t;
    l->count++;
    l->loaded |= server_answer(client, &t->ring);
    if (!l->follow) {
        close(t->ring.fd);
        t->ring.fd = -1;
    }
}

/* No more than `most`: strangers that connect without end must not keep us from the rings. */
static void accept_some(struct live *l, unsigned most)
{
    struct pmt_hello hello;
    pid_t pid;
    int client = 0;
    while (most-- && (client = server_accept(&l->server, &hello, &pid)) != -EAGAIN)
        if (client >= 0)
            take_in(l, client, &hello, pid);
}

/* An ended process that is not our child: the shim knows its status unless a signal ended it. */
static struct pmt_exit end_of_other(const struct stream *t)
{
    int status;
    if (t->executing)
        return (struct pmt_exit){.end = PMT_END_UNTRACED};
    if (pidfd_status(t->pidfd, t->pid, &status))
        return by_status(status);
    if (t->exit_seen)
        return (struct pmt_exit){.status = t->exit_status};
    return (struct pmt_exit){.end = PMT_END_UNKNOWN};
}

static bool has_ended(const struct stream *t)
{
    return t->pidfd >= 0 ? pidfd_has_ended(t->pidfd) : kill(t->pid, 0) < 0 && errno == ESRCH;
}

static void end_others(struct live *l)
{
    for (struct stream *t = l->streams, *next; t; t = next) {
        next = t->next;
        if (t->pid == l->pid || !has_ended(t))
            continue;
        merge(l); /* it may say how it ended; and the fork that made it comes first */
        struct pmt_exit how = end_of_other(t);
        end(l, t, &how, trace_ns(l));
    }
}

static void end_program(struct live *l)
{
    struct stream *t = stream_of(l, l->pid);
    l->exited = true;
    l->ended_ns = now_ns(CLOCK_MONOTONIC);
    interrupted = 0; /* that was for the program */
    if (!t)
        return;
    merge(l);
    struct pmt_exit how =
        t->executing ? (struct pmt_exit){.end = PMT_END_UNTRACED} : by_status(l->status);
    end(l, t, &how, clock_ns(&l->clock, l->clock.kind == PMT_CLOCK_TSC ? died_tsc : died_ns));
}

static void look_around(struct live *l)
{
    if (l->asked)
        accept_some(l, ACCEPTED_AT_ONCE);
    if (!l->exited && waitpid(l->pid, &l->status, WNOHANG) == l->pid)
        end_program(l);
    if (l->follow)
        end_others(l);
}

/* ---- events ---- */

static bool drain(struct live *l)
{
    bool alone = l->count == 1 && !l->follow;
    return alone ? stream_drain(l->streams, UINT64_MAX) : merge(l);
}

static void sleep_until_something(struct live *l, long *ns)
{
    struct pollfd fds[1 + SERVER_POLLED] = {{.fd = l->exited ? -1 : l->pidfd, .events = POLLIN}};
    unsigned polled = server_poll(&l->server, fds + 1);
    struct timespec timeout = {.tv_nsec = *ns};
    if (l->fresh && *ns > SLEEP_FIRST_NS) { /* nothing came meanwhile */
        model_flush(l->model);
        l->fresh = false;
    }
    clock_adjust(&l->clock);
    model_tick(l->model, false);
    /* accept(2) makes a socket before it looks whether there is somebody: for the poll it is
     * cheap */
    int ready = ppoll(fds, 1 + polled, &timeout, NULL);
    l->asked = polled > 1 || ready < 0 || ready > (fds[0].revents != 0);
    *ns = *ns * 2 > SLEEP_LAST_NS ? SLEEP_LAST_NS : *ns * 2;
}

/* There may be children whose parents have ended, as those of a daemon do. */
static bool goes_on(struct live *l)
{
    if (!l->exited || l->streams)
        return true;
    accept_some(l, SERVER_QUEUE + SERVER_SILENT);
    return l->streams || unheard_any(&l->unheard);
}

/* The program has ended, its children go on. */
static void tell_waiting(struct live *l)
{
    bool heard_of = l->streams != NULL;
    if (!l->exited || l->told[heard_of] ||
        (!heard_of && now_ns(CLOCK_MONOTONIC) - l->ended_ns < QUIET_NS))
        return;
    l->told[heard_of] = true;
    l->waiting(l->count, heard_of ? l->streams->pid : 0);
}

/* The runner sleeps between two looks instead of waiting actively: it reads more at a time, and not
 * where the program is just writing, and the two may share a processor core. */
static void run(struct live *l)
{
    long sleep_ns = SLEEP_FIRST_NS;
    while (goes_on(l) && !(l->exited && interrupted)) {
        if (drain(l)) {
            sleep_ns = SLEEP_FIRST_NS;
            l->fresh = true;
        } else {
            for (struct stream *t = l->streams; t; t = t->next)
                stream_step_over_hole(t);
        }
        look_around(l);
        if (goes_on(l)) {
            tell_waiting(l);
            sleep_until_something(l, &sleep_ns);
        }
    }
    while (l->streams)
        end(l, l->streams, &(struct pmt_exit){.end = PMT_END_DETACHED}, trace_ns(l));
    unheard_free(&l->unheard);
}

int live_trace(struct launch *launch, struct model *model, void (*waiting)(size_t count, pid_t pid),
               struct live_result *result, bool *executing)
{
    struct live l = {.model = model, .follow = launch->follow, .waiting = waiting, .asked = true};
    l.stacks = launch->stacks;
    l.stack_depth = launch->stack_depth;
    clock_init(&l.clock);
    int error = server_open(&l.server);
    if (error)
        return error;
    launch->socket = l.server.name;
    struct sigaction child = {.sa_handler = on_child, .sa_flags = SA_NOCLDSTOP | SA_RESTART};
    sigaction(SIGCHLD, &child, NULL);
    error = launch_program(launch, &l.pid, executing);
    if (!error) {
        set_signals(l.pid);
        l.first_ring = ring_memory();
        l.pidfd = pidfd_of(l.pid);
        run(&l);
        close(l.pidfd);
        if (l.first_ring >= 0)
            close(l.first_ring);
    }
    server_close(&l.server);
    *result = (struct live_result){l.loaded, model->started, l.overwritten, l.status};
    return error;
}
