/* The table of rules: how to come from a return address to the caller. */
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

/* There are 2 ^ (32 - shift) places for rules. Their number grows: whoever has read the shift
 * before the pointer is inside. */
extern struct unwind_rule *unwind_rules;
extern uint32_t unwind_rules_shift;
extern uint32_t unwind_generation; /* 1 to 255 */

bool rules_init(void);

/* What unwind_find() is to say of `pc` from now on. */
void rules_keep(uintptr_t pc, uintptr_t word);

/* Code may have gone, and other code may be in its place: all rules are read again. */
void unwind_forget(void);
/* [low, high) is mapped otherwise now. */
void unwind_unmapped(uintptr_t low, uintptr_t high);

/* The word for a return address, 0 if it is not known. */
uintptr_t unwind_find(uintptr_t pc);

/* One product serves the table of rules and the hash of the stack. */
static inline uint32_t unwind_product(uintptr_t pc)
{
    return (uint32_t)pc * 2654435761u;
}

static inline uint32_t unwind_kind(uintptr_t word)
{
    return (uint32_t)word >> UNWIND_KIND_SHIFT & 7;
}

/* As unwind_find(); `product` is that of the pc. */
static inline uintptr_t unwind_word(uintptr_t pc, uint32_t product)
{
    uint32_t shift = __atomic_load_n(&unwind_rules_shift, __ATOMIC_ACQUIRE);
    const struct unwind_rule *rule =
        &__atomic_load_n(&unwind_rules, __ATOMIC_RELAXED)[product >> shift];
    uintptr_t word = __atomic_load_n(&rule->word, __ATOMIC_RELAXED);
    bool is_its = __atomic_load_n(&rule->pc, __ATOMIC_RELAXED) == pc;
    return likely(is_its) ? word : unwind_find(pc);
}
