#include "shim/stacks/rules.h"
#include "shim/base/area.h"

#define PROBES 16u
#define FIRST_BITS 12
#define MOST_BITS 17u
#define BITS_MORE 2

struct unwind_rule *unwind_rules;
uint32_t unwind_rules_shift;
static uint32_t rules_taken, growing; /* by one at a time */
uint32_t unwind_generation = 1;

/* A bit for each page of code that has rules, by the lower 32 bits of its address. */
#define PAGE_BITS 12
#define PAGES (1u << (32 - PAGE_BITS))
static uint32_t *pages;

static struct unwind_rule *new_rules(uint32_t bits)
{
    return area_get(sizeof *unwind_rules << bits);
}

bool rules_init(void)
{
    unwind_rules = new_rules(FIRST_BITS);
    unwind_rules_shift = 32 - FIRST_BITS;
    pages = area_get(PAGES / 8);
    return unwind_rules && pages;
}

/* 0 in a rule is no generation. Rules of as many generations ago are cleared before theirs comes
 * again. */
void unwind_forget(void)
{
    if (!unwind_rules)
        return;
    if (unwind_generation == UNWIND_GENERATION) {
        for (uint32_t i = 0; i < 1u << (32 - unwind_rules_shift); i++)
            if (unwind_rules[i].word)
                unwind_rules[i].word = 0;
        __atomic_store_n(&unwind_generation, 1, __ATOMIC_RELEASE);
    } else {
        __atomic_fetch_add(&unwind_generation, 1, __ATOMIC_RELEASE);
    }
}

static uint32_t *bits_of(uintptr_t address, uint32_t *bit)
{
    uint32_t page = (uint32_t)address >> PAGE_BITS;
    *bit = 1u << page % 32;
    return &pages[page / 32];
}

static void mark_page(uintptr_t address)
{
    uint32_t bit, *bits = bits_of(address, &bit);
    if (!(__atomic_load_n(bits, __ATOMIC_RELAXED) & bit))
        __atomic_fetch_or(bits, bit, __ATOMIC_RELAXED);
}

void unwind_unmapped(uintptr_t low, uintptr_t high)
{
    bool any = false;
    const uintptr_t page = 1u << PAGE_BITS;
    uint64_t count = high > low ? ((uint64_t)(high - low) + page - 1) >> PAGE_BITS : 0;
    __atomic_fetch_add(&live->unmapped, 1, __ATOMIC_RELEASE);
    if (!pages)
        return;
    if (count > PAGES)
        count = PAGES;
    for (uintptr_t at = low; count; count--, at += page) {
        uint32_t bit, *bits = bits_of(at, &bit);
        uint32_t set = __atomic_load_n(bits, __ATOMIC_RELAXED);
        if (set & bit) {
            __atomic_fetch_and(bits, ~bit, __ATOMIC_RELAXED);
            any = true;
        } else if (!set && bit == 1 && count > 32) {
            at += 31 * page;
            count -= 31;
        }
    }
    if (any)
        unwind_forget();
}

/* The place of a pc in a table, or a free one; NULL if there is none. */
static struct unwind_rule *place_in(struct unwind_rule *rules, uint32_t shift, uintptr_t pc)
{
    uint32_t index = unwind_product(pc) >> shift, mask = (1u << (32 - shift)) - 1;
    for (uint32_t i = 0; i < PROBES; i++, index = (index + 1) & mask) {
        uintptr_t there = __atomic_load_n(&rules[index].pc, __ATOMIC_RELAXED);
        if (there == pc || !there)
            return &rules[index];
    }
    return NULL;
}

static struct unwind_rule *place_of(uintptr_t pc)
{
    uint32_t shift = __atomic_load_n(&unwind_rules_shift, __ATOMIC_ACQUIRE);
    return place_in(__atomic_load_n(&unwind_rules, __ATOMIC_RELAXED), shift, pc);
}

uintptr_t unwind_find(uintptr_t pc)
{
    const struct unwind_rule *rule = place_of(pc);
    return rule && rule->pc == pc ? __atomic_load_n(&rule->word, __ATOMIC_RELAXED) : 0;
}

/* Rules that come into the old table meanwhile are read again. */
static void grow(void)
{
    uint32_t none = 0, shift = unwind_rules_shift;
    uint32_t bits = 32 - shift + BITS_MORE < MOST_BITS ? 32 - shift + BITS_MORE : MOST_BITS;
    struct unwind_rule *old = unwind_rules, *new;
    if (32 - shift >= MOST_BITS ||
        !__atomic_compare_exchange_n(&growing, &none, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    if (old == unwind_rules && (new = new_rules(bits))) {
        for (uint32_t i = 0; i < 1u << (32 - shift); i++) {
            struct unwind_rule rule = {old[i].pc, __atomic_load_n(&old[i].word, __ATOMIC_ACQUIRE)};
            struct unwind_rule *place =
                rule.pc && rule.word ? place_in(new, 32 - bits, rule.pc) : NULL;
            if (place)
                *place = rule;
        }
        __atomic_store_n(&unwind_rules, new, __ATOMIC_RELEASE);
        __atomic_store_n(&unwind_rules_shift, 32 - bits, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&growing, 0, __ATOMIC_RELEASE);
}

/* A place is claimed once and for all; its word is one store. Whoever reads the table sees no rule
 * or a whole one, whenever this is interrupted. */
void rules_keep(uintptr_t pc, uintptr_t word)
{
    if (__atomic_load_n(&rules_taken, __ATOMIC_RELAXED) >> (31 - unwind_rules_shift))
        grow();
    struct unwind_rule *rule = place_of(pc);
    uintptr_t free_place = 0;
    while (rule && rule->pc != pc) {
        if (__atomic_compare_exchange_n(&rule->pc, &free_place, pc, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
            __atomic_fetch_add(&rules_taken, 1, __ATOMIC_RELAXED);
            break;
        }
        free_place = 0;
        rule = place_of(pc);
    }
    if (!rule)
        return;
    mark_page(pc - 1);
    __atomic_store_n(&rule->word, word, __ATOMIC_RELEASE);
}
