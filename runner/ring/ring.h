/* The consumer's side of a ring (schemas/record.h). Nothing in it is trusted: the traced program
 * may write anywhere. */
#pragma once

#include "runner/model/event.h"
#include <stdbool.h>

struct ring {
    int fd; /* of the memfd; -1: closed, or somebody else's by now */
    struct pmt_ring *shared;
    const unsigned char *data; /* capacity bytes, twice */
    uint32_t tail;             /* position of the next record */
    uint32_t known;            /* records up to here were there when ring_look() looked */
    uint32_t released;         /* the producers may overwrite everything before this */
    uint32_t cookie;
    uint32_t tid; /* of compact records: that of the process, which has one thread */
    uint32_t lost[PMT_LOSS_COUNT];                    /* found by ring_skip() */
    uint32_t notes;                                   /* so many were read */
    _Alignas(8) unsigned char record[PMT_RECORD_MAX]; /* the copy that ring_next() returns */
};

enum ring_state {
    RING_RECORD, /* ring->record holds the next one, and it is valid */
    RING_EMPTY,  /* nothing committed at the tail */
    RING_CORRUPT /* committed, but not a record; go on with ring_skip() */
};

/* The descriptor of a memfd for a ring, or -errno. All of its memory is allocated now, so that no
 * one dies of a full memory later; that takes a millisecond. */
int ring_memory(void);

/* Makes a ring of what ring_memory() returned, which is its own from then on. 0 or -errno. */
int ring_create(struct ring *ring, int memory, enum pmt_clock clock, uint32_t flags);
void ring_destroy(struct ring *ring);

/* Whether some process still has the ring mapped that this was the descriptor of: one whose parent
 * the ring was made for. After ring_destroy(). */
bool ring_is_mapped(int fd);

/* How many bytes are reserved behind the tail, as far as the program's memory can be believed.
 * ring_next() then fetches ahead, but not where the producers still write: taking a cache line from
 * under a writer costs it more than all the rest of a record. */
uint32_t ring_look(struct ring *ring);

enum ring_state ring_next(struct ring *ring);

/* The next record if it is a malloc or free of less than 4 GiB that went well: false if there is
 * none, or another; ring_next() tells. */
bool ring_next_call(struct ring *ring, struct plain_call *call);

/* The time of the next record, as in pmt_record.time, if there is one. */
bool ring_peek_time(const struct ring *ring, uint64_t *time);

/* Sets pmt_ring.now; 0 before going to sleep. */
void ring_tell_time(struct ring *ring, uint32_t now);

/* Gives the space of what was read back to the producers, and wakes those that wait for it. */
void ring_release(struct ring *ring);

/* Whether something is reserved behind the tail that is not committed. */
bool ring_has_hole(const struct ring *ring);

/* Goes on behind a hole or a corrupt record, with the next record that can be recognised, and
 * counts the loss. `give_up`: nothing will be committed any more, go to the end if there is
 * none. */
bool ring_skip(struct ring *ring, enum pmt_loss reason, bool give_up);

/* What a child of the process says that is not followed; false: nothing (more). */
bool ring_next_note(struct ring *ring, struct pmt_note *note);

/* Losses counted on either side, for `reason`. What the program has overwritten is not believed. */
uint32_t ring_lost(const struct ring *ring, enum pmt_loss reason);

/* What the shim counted, as far as it can be believed. */
uint32_t ring_walks(const struct ring *ring, enum pmt_walks which);
