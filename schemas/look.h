/* Looks at the map: windows of it, as snapshot records. */
#pragma once

#include "schemas/mapcalls.h"
#include "schemas/maps.h"

/* The main thread's stack, which grows without a call. */
struct look_stack {
    uint64_t inside;    /* an address in it; 0: not known */
    uint64_t low, high; /* its region as last seen */
};

/* One record: what its pmt_snapshot says. */
struct look_window {
    uint64_t lo, hi;
    uint32_t regions;
    uint32_t size; /* bytes used of the look's `body` */
    uint32_t flags;
    enum pmt_reason reason;
};

struct look_walk {
    struct maps *maps;   /* where a walk has begun */
    unsigned char *body; /* PMT_RECORD_MAX bytes: the regions of the record that is being made */
    struct look_stack *stack;
    uint64_t page_size;
    uint32_t stack_id; /* of the records */
    /* Makes the record, with look_size() and look_fill(). */
    void (*send)(const struct look_walk *look, const struct look_window *window);
    void *arg;
};

/* After a call: the map around one or two ranges, in ascending order, with the neighbours, where
 * merges and splits show; and the stack, if it has grown meanwhile. Like the next two: false if the
 * map could not be read to the end; what has been sent is true. */
bool look_ranges(const struct look_walk *look, const struct mapcalls_range *ranges, unsigned count);

/* All of it, up to the end of the address space. */
bool look_whole(const struct look_walk *look, enum pmt_reason reason, uint64_t end);

/* The stack, if it has grown. */
bool look_stack(const struct look_walk *look);

/* Bytes of the record, with the name of its `within`. */
static inline uint32_t look_size(const struct look_window *w, uint32_t name_size)
{
    return (uint32_t)sizeof(struct pmt_snapshot) + pmt_align(name_size) + w->size;
}

/* All of the record but its header. */
void look_fill(const struct look_walk *look, const struct look_window *window,
               const struct pmt_within *within, const char *name, struct pmt_snapshot *out);
