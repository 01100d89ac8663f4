/* Walks that are remembered whole. From the same registers, with the same words in the places that
 * it read, a walk comes to the same stack: to compare these words, one by one and none depending on
 * the one before, takes a fraction of the walk. */
#pragma once

#include "shim/stacks/unwind.h"

#define REMEMBERED_WORDS 60u

struct remembered_word {
    const uintptr_t *at;
    uintptr_t value;
};

/* `version` is odd while someone writes here; who finds it so keeps away. */
struct remembered {
    uint32_t version;
    uint32_t id; /* of the stack */
    struct unwind_registers from;
    uintptr_t fp_matters; /* a mask: 0 or all */
    uintptr_t high;       /* every place is below */
    uint32_t generation;
    uint32_t count; /* a multiple of four: some are there again, to fill up */
    struct remembered_word words[REMEMBERED_WORDS];
    struct unwind_stack
        stack; /* only while someone writes here: the program's has no room for it */
};

/* There are 2 ^ (32 - shift) places. Their number grows: whoever has read the shift before the
 * pointer is inside. */
extern struct remembered *remembered;
extern uint32_t remembered_shift;

bool remembered_init(void);

static inline struct remembered *remembered_place(struct unwind_registers from)
{
    uint32_t shift = __atomic_load_n(&remembered_shift, __ATOMIC_ACQUIRE);
    return &__atomic_load_n(&remembered,
                            __ATOMIC_RELAXED)[unwind_product(from.pc + (from.sp << 4)) >> shift];
}

/* The id of the stack if this walk is remembered, else 0; for where there is no other thread. An
 * entry for this stack pointer has read this stack only, between it and `high`. A signal handler
 * may write another one there between two of our reads, and then `sp` is not the same. */
static inline __attribute__((always_inline)) uint32_t
remembered_id_alone(struct unwind_registers from)
{
    const struct remembered *m = remembered_place(from);
    if (unlikely(m->from.sp != from.sp) || unlikely(m->from.pc != from.pc) ||
        unlikely((m->from.fp ^ from.fp) & m->fp_matters) ||
        unlikely(m->generation != unwind_generation) ||
        unlikely(m->high != thread.own_stack.high) || unlikely(from.sp < thread.own_stack.low))
        return 0;
    for (const struct remembered_word *w = m->words, *end = w + m->count; w < end; w += 4)
        if (unlikely((*w[0].at ^ w[0].value) | (*w[1].at ^ w[1].value) | (*w[2].at ^ w[2].value) |
                     (*w[3].at ^ w[3].value)))
            return 0;
    uint32_t id = m->id;
    __atomic_signal_fence(__ATOMIC_ACQUIRE);
    return likely(__atomic_load_n(&m->from.sp, __ATOMIC_RELAXED) == from.sp) ? id : 0;
}

/* The same among other threads. Whatever one of them writes there meanwhile, nothing is read but
 * this thread's stack. */
static inline __attribute__((always_inline)) uint32_t remembered_id(const struct remembered *m,
                                                                    struct unwind_registers from)
{
    uint32_t version = __atomic_load_n(&m->version, __ATOMIC_ACQUIRE);
    uint32_t count = m->count, id = m->id;
    uintptr_t size = m->high - from.sp, difference = (m->from.pc ^ from.pc) |
                                                     (m->from.sp ^ from.sp) |
                                                     ((m->from.fp ^ from.fp) & m->fp_matters) |
                                                     (m->generation ^ unwind_generation);
    if (unlikely(difference) || unlikely(version & 1) || unlikely(!unwind_on_own_stack(from.sp)) ||
        unlikely(size > thread.own_stack.high - from.sp) || unlikely(count > REMEMBERED_WORDS))
        return 0;
    for (const struct remembered_word *w = m->words, *end = w + count; w < end; w++) {
        const uintptr_t *at = w->at;
        if (unlikely((uintptr_t)at - from.sp >= size) || unlikely(*at != w->value))
            return 0;
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return likely(__atomic_load_n(&m->version, __ATOMIC_RELAXED) == version) ? id : 0;
}

/* A walk along rules that are known, on the thread's own stack, that is remembered at `m` if nobody
 * else writes there; if somebody does, its id is 0. `find` says which id its stack has, 0: none. */
uint32_t remembered_walk(struct remembered *m, struct unwind_registers from, uint32_t depth,
                         uint32_t (*find)(const struct unwind_stack *stack));
