/* The records of one traced process image: its ring on the one side, the model on the other. */
#pragma once

#include "runner/model/model.h"
#include "runner/ring/clock.h"
#include "runner/ring/ring.h"
#include "runner/ring/unseen.h"
#include <sys/types.h>

struct stream {
    pid_t pid;
    int pidfd;        /* poll(2) for the end of the process */
    uint32_t image;   /* number in the trace, from the first record on */
    uint32_t *images; /* so many images of the trace have sent their first record */
    struct ring ring;
    struct clock *clock; /* of the trace */
    struct model *model;
    uint64_t near;       /* time of the last record, for clock_whole() */
    uint64_t t_ns;       /* of the last event */
    uint64_t call_word;  /* the time of the last plain call, if t_ns is its */
    uint32_t hole_looks; /* that found the same hole, which is at ... */
    uint32_t hole_at;    /* ... this position */
    bool started;        /* the process record has come */
    bool executing;      /* an exec was announced, and no failure since */
    bool verified;       /* the shim was asked to verify each walk of a stack */
    bool exit_seen;      /* by the shim, at exit_ns, with exit_status */
    uint64_t exit_ns;
    int32_t exit_status;
    struct unseen unseen;
    struct stream *next; /* in the list of live.c */
};

/* Freed by stream_end(), as is its ring. */
struct stream *stream_new(pid_t pid, uint32_t *images, struct clock *clock, struct model *model);

/* Everything that is in the ring now, up to records of the time `until` (ns since the start of the
 * trace); whether there was anything. */
bool stream_drain(struct stream *stream, uint64_t until);

/* The time of the next record in ns since the start of the trace, UINT64_MAX if there is none. */
uint64_t stream_next_ns(struct stream *stream);

/* A thread may have been ended between reserving and committing: goes on behind such a hole after a
 * while. */
void stream_step_over_hole(struct stream *stream);

/* The image has ended: what it left in the ring, its losses and the exit event. `now_ns`: when,
 * unless the shim has said so. Whether the ring was found overwritten. */
bool stream_end(struct stream *stream, const struct pmt_exit *how, uint64_t now_ns);
