#include "runner/views/thresholds_sums.h"
#include "runner/views/why.h"
#include "schemas/glibc.h"
#include <string.h>

#define FIRST_COLUMN_NS 10000u

void thresholds_begin(struct thresholds_sums *s, const struct image *image)
{
    s->column_ns = FIRST_COLUMN_NS;
    s->moves[0] =
        (struct thresholds_move){.mmap = image->thresholds.mmap, .trim = image->thresholds.trim};
    s->move_count = 1;
}

/* Two columns become one. */
static void widen(struct thresholds_sums *s)
{
    s->column_ns *= 2;
    for (unsigned i = 0; i < THRESHOLDS_CLASSES; i++) {
        unsigned char *seen = s->classes[i].seen;
        for (unsigned k = 0; k < THRESHOLDS_COLUMNS / 2; k++)
            seen[k] = seen[2 * k] | seen[2 * k + 1];
        memset(seen + THRESHOLDS_COLUMNS / 2, 0, THRESHOLDS_COLUMNS / 2);
    }
}

static enum thresholds_place place_of(uint64_t chunk)
{
    return chunk & PMT_CHUNK_MMAPPED          ? PLACE_MMAP
           : chunk & PMT_CHUNK_NON_MAIN_ARENA ? PLACE_ARENA
                                              : PLACE_HEAP;
}

/* malloc/malloc.c, sysmalloc(): from the threshold on a block gets pages of its own, if nothing
 * that is free is large enough, and if the limit of such blocks is not reached. */
static void note_other(struct thresholds_sums *s, const struct model *m, const struct event *event)
{
    const struct pmt_alloc *a = (const struct pmt_alloc *)event->record;
    uint64_t threshold = m->image->thresholds.mmap;
    bool reaches = glibc_request(a->size, m->image->word_size) >= threshold;
    bool mapped = a->chunk & PMT_CHUNK_MMAPPED;
    if (reaches == mapped)
        return;
    if (s->other_count++ >= THRESHOLDS_OTHERS)
        return;
    struct thresholds_other *other = &s->others[s->other_count - 1];
    *other = (struct thresholds_other){.t_ns = event->t_ns,
                                       .addr = a->addr,
                                       .size = a->size,
                                       .threshold = threshold,
                                       .place = place_of(a->chunk),
                                       .code = m->reason.code,
                                       .stack_id = a->r.stack_id};
    why_call_text(m, a, other->why, sizeof other->why);
}

void thresholds_note_call(struct thresholds_sums *s, const struct model *m,
                          const struct event *event)
{
    const struct pmt_alloc *a = (const struct pmt_alloc *)event->record;
    s->last_ns = event->t_ns;
    if (a->r.call == PMT_CALL_FREE || !a->addr)
        return;
    if (!a->chunk || !m->image->thresholds.mmap) {
        s->unknown++;
        return;
    }
    while (event->t_ns / s->column_ns >= THRESHOLDS_COLUMNS)
        widen(s);
    struct thresholds_class *c = &s->classes[thresholds_class(a->size)];
    enum thresholds_place place = place_of(a->chunk);
    c->blocks[place]++;
    c->seen[event->t_ns / s->column_ns] |= (unsigned char)(1u << place);
    note_other(s, m, event);
}

void thresholds_note_move(struct thresholds_sums *s, const struct image *image,
                          const struct threshold *move)
{
    uint64_t i = s->move_count++;
    if (i >= THRESHOLDS_MOVES)
        return;
    s->moves[i] = (struct thresholds_move){.t_ns = move->t_ns,
                                           .mmap = image->thresholds.mmap,
                                           .trim = image->thresholds.trim,
                                           .call = move->call,
                                           .stack_id = move->stack_id};
}
