/* Call stacks by rules: for each return address, how its frame leads to the caller's. A rule is
 * read once from the unwind tables (cfi.h) and kept in a table of the shim's own; a walk along
 * known rules makes no call and takes no lock. */
#pragma once

#include "shim/stacks/rules.h"

struct unwind_registers {
    uintptr_t pc, sp, fp;
};

struct unwind_stack {
    uintptr_t pc[PMT_MAX_FRAMES]; /* return addresses, innermost first */
    uint32_t count;
    uint32_t hash; /* not 0 */
    bool cut;      /* behind the last frame there are more, that cannot be found */
};

bool unwind_init(void);

/* A library has come: there may be tables now for what had none. */
void unwind_look_again(void);
enum unwind_end {
    UNWIND_WHOLE,
    UNWIND_WAS_CUT, /* at code without unwind tables; what was found up to there is right */
    UNWIND_FAILED   /* likewise; another unwinder may know more */
};

/* Walks and learns, on an own stack. `as_calls`:
 * takes what a signal has interrupted for a call, and its rule from the byte before. */
enum unwind_end unwind_walk(struct unwind_stack *stack, struct unwind_registers from,
                            uint32_t depth, bool as_calls);

/* From where a signal has come to a thread, whose stack pointer may lie below its stack. The first
 * frame is the address behind that of the instruction, so that it stands for it as return
 * addresses do. */
enum unwind_end unwind_walk_interrupted(struct unwind_stack *stack, struct unwind_registers at,
                                        uint32_t depth, bool is_code);

/* A frame from its registers' stack pointer to `end`; false: that was enough. */
typedef bool unwind_visitor(void *arg, const struct unwind_registers *frame, uintptr_t end);

/* Shows all frames but the shim's, without a limit, on an own stack. False: nobody said that it was
 * enough. `interrupted`: as unwind_walk_interrupted(), and where that could execute its
 * instruction. */
bool unwind_frames(struct unwind_registers from, bool interrupted, unwind_visitor *visit,
                   void *arg);

static inline uint32_t unwind_mix(uint32_t hash, uint32_t product)
{
    return (hash << 5 | hash >> 27) ^ product;
}

static inline uint32_t unwind_hash(uint32_t mixed)
{
    return mixed * 2654435761u | 1;
}

/* Sets the hash, where it was not found on the way. */
static inline void unwind_seal(struct unwind_stack *stack)
{
    uint32_t mixed = 0;
    for (uint32_t i = 0; i < stack->count; i++)
        mixed = unwind_mix(mixed, unwind_product(stack->pc[i]));
    stack->hash = unwind_hash(mixed);
}

/* To the caller's registers, by a rule of one of the first three kinds (`word` without its
 * generation). False: not by this rule, or it would read outside of [sp, high). */
static inline __attribute__((always_inline)) bool unwind_step(struct unwind_registers *r,
                                                              uintptr_t word, uintptr_t high)
{
    const uintptr_t *from = (const uintptr_t *)r->sp, *cfa;
    const uintptr_t room = (high - r->sp) / sizeof *from, offset = word >> UNWIND_OFFSET_SHIFT;
    uintptr_t saved = word >> UNWIND_FP_SHIFT & UNWIND_FP_MOST;
    if (likely(unwind_kind(word) <= UNWIND_BY_FP)) {
        if (unlikely(offset > room))
            return false;
        if (unwind_kind(word) == UNWIND_BY_FP) {
            if (unlikely(r->fp - r->sp > (room - offset) * sizeof *from))
                return false;
            from = (const uintptr_t *)r->fp;
        }
        cfa = from + offset;
        if (saved)
            r->fp = *(cfa - saved);
    } else {
        uintptr_t at = r->fp + (uintptr_t)((intptr_t)word >> UNWIND_OFFSET_SHIFT) * sizeof *from;
        uintptr_t last = high - sizeof *from;
        if (unwind_kind(word) != UNWIND_AT_FP || at < r->sp || at > last || r->fp < r->sp ||
            r->fp > last)
            return false;
        cfa = *(const uintptr_t *const *)at;
        if ((uintptr_t)cfa <= r->sp + sizeof *from || (uintptr_t)cfa > high)
            return false;
        r->fp = *(const uintptr_t *)r->fp;
    }
    r->pc = *(cfa - 1);
    r->sp = (uintptr_t)cfa;
    return true;
}

static inline bool unwind_on_own_stack(uintptr_t sp)
{
    return sp - thread.own_stack.low < thread.own_stack.high - thread.own_stack.low;
}
