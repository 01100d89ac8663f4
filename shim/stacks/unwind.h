/* Call stacks by rules: for each return address, how its frame leads to the caller's. A rule is
 * read once from the unwind tables (cfi.h) and kept in a table of the shim's own; a walk along
 * known rules makes no call and takes no lock. */
#pragma once

#include "shim/base/state.h"

struct unwind_rule {
    uintptr_t pc; /* return address; 0: free. Never changes */
    uintptr_t word;
};

/* In a word: the generation that it holds in, the kind, where the caller's frame pointer is saved
 * (words below the CFA, and not below what the CFA is counted from; 0: not), and the offset of the
 * CFA in words (UNWIND_AT_FP: signed; it has the caller's frame pointer at its own). */
enum unwind_kind {
    UNWIND_BY_SP,  /* CFA = sp + offset */
    UNWIND_BY_FP,  /* CFA = fp + offset */
    UNWIND_AT_FP,  /* CFA = word at fp + offset: a function that aligns its stack */
    UNWIND_END,    /* the outermost frame */
    UNWIND_CUT,    /* no unwind table: nobody knows the rest */
    UNWIND_RARE,   /* has no short form, and is read anew each time; or is of the shim itself */
    UNWIND_UNKNOWN /* a table that cfi.c cannot read */
};
#define UNWIND_GENERATION 0xffu
#define UNWIND_KIND_SHIFT 8
#define UNWIND_FP_SHIFT 11
#define UNWIND_FP_MOST 31u
#define UNWIND_OFFSET_SHIFT 16

#define UNWIND_RULES_BITS 17
#define UNWIND_RULES (1u << UNWIND_RULES_BITS)

extern struct unwind_rule *unwind_rules;
extern uint32_t unwind_generation; /* 1 to 255 */

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

/* Code may have gone, and other code may be in its place: all rules are read again. */
void unwind_forget(void);
/* A library has come: there may be tables now for what had none. */
void unwind_look_again(void);
/* [low, high) is mapped otherwise now. */
void unwind_unmapped(uintptr_t low, uintptr_t high);

/* The word for a return address, 0 if it is not known. */
uintptr_t unwind_find(uintptr_t pc);

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

/* One product serves the table of rules and the hash of the stack. */
static inline uint32_t unwind_product(uintptr_t pc)
{
    return (uint32_t)pc * 2654435761u;
}

static inline uint32_t unwind_mix(uint32_t hash, uint32_t product)
{
    return (hash << 5 | hash >> 27) ^ product;
}

static inline uint32_t unwind_hash(uint32_t mixed)
{
    return mixed * 2654435761u | 1;
}

static inline uint32_t unwind_kind(uintptr_t word)
{
    return (uint32_t)word >> UNWIND_KIND_SHIFT & 7;
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

/* As unwind_find(); `product` is that of the pc. */
static inline uintptr_t unwind_word(uintptr_t pc, uint32_t product)
{
    const struct unwind_rule *rule = &unwind_rules[product >> (32 - UNWIND_RULES_BITS)];
    uintptr_t word = __atomic_load_n(&rule->word, __ATOMIC_RELAXED);
    bool is_its = __atomic_load_n(&rule->pc, __ATOMIC_RELAXED) == pc;
    return likely(is_its) ? word : unwind_find(pc);
}
