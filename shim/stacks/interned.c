#include "shim/stacks/interned.h"
#include "shim/base/area.h"
#include "shim/ring/emit.h"
#include <string.h>

/* Stacks are as many as their frames, of which a word each is kept, have room for; memory that no
 * stack has come to is not touched. 32-bit programs need their addresses themselves. */
#define SLOTS_BITS (sizeof(long) == 4 ? 18 : 19)
#define SLOTS (1u << SLOTS_BITS)
#define MOST_WORDS (1u << (sizeof(long) == 4 ? 22 : 23))
#define LEFT_FOR_OTHERS (2u << 20) /* bytes of the shim's memory */
#define PROBES 64u

/* hash 0: free. at: where in `words` the stack is; 0: not there yet. */
struct slot {
    uint32_t hash;
    uint32_t at;
};

/* In `words`: id and number of the frames, then these. */
#define COUNT_BITS 8
#define MOST_IDS ((1u << (32 - COUNT_BITS)) - 1)

static struct slot *slots;
static uintptr_t *words;
static uint32_t words_room, words_used = 1, last_id;

bool interned_init(void)
{
    slots = area_get(SLOTS * sizeof *slots);
    size_t room = area_left() > LEFT_FOR_OTHERS ? area_left() - LEFT_FOR_OTHERS : 0;
    words_room = (uint32_t)(room / sizeof *words < MOST_WORDS ? room / sizeof *words : MOST_WORDS);
    words = area_get(words_room * sizeof *words);
    return slots && words;
}

static void send(uint32_t id, const struct unwind_stack *stack)
{
    struct emit e =
        emit_begin(sizeof(struct pmt_stack) + stack->count * (uint32_t)sizeof(uint64_t));
    struct pmt_stack *s = e.record;
    if (!s)
        return;
    emit_header(&e, PMT_RECORD_STACK, 0, id, ticks_now());
    s->frames = stack->count;
    s->cut = stack->cut;
    for (uint32_t i = 0; i < stack->count; i++)
        s->ip[i] = stack->pc[i];
    emit_end(&e);
}

static inline __attribute__((always_inline)) bool is_kept(const uintptr_t *kept,
                                                          const struct unwind_stack *s)
{
    if ((*kept & ((1u << COUNT_BITS) - 1)) != s->count)
        return false;
    for (uint32_t i = 0; i < s->count; i++)
        if (kept[i + 1] != s->pc[i])
            return false;
    return true;
}

/* The id of a stack that is known. Else 0; `*free` is then the slot to claim, or NULL. */
static uint32_t find(const struct unwind_stack *s, struct slot **free)
{
    uint32_t index = s->hash >> (32 - SLOTS_BITS);
    *free = NULL;
    for (uint32_t probe = 0; probe < PROBES; probe++, index = (index + 1) & (SLOTS - 1)) {
        struct slot *slot = &slots[index];
        uint32_t hash = __atomic_load_n(&slot->hash, __ATOMIC_RELAXED);
        uint32_t at = __atomic_load_n(&slot->at, __ATOMIC_ACQUIRE); /* partner: interned_id() */
        if (likely(hash == s->hash) && likely(at) && likely(is_kept(words + at, s)))
            return (uint32_t)words[at] >> COUNT_BITS;
        if (!hash) {
            *free = slot;
            break;
        }
    }
    return 0;
}

/* Where the frames are kept; 0 when there is no room. */
static uint32_t keep(const struct unwind_stack *s)
{
    uint32_t size = s->count + 1, at = __atomic_load_n(&words_used, __ATOMIC_RELAXED);
    do
        if (size > words_room - at || last_id >= MOST_IDS)
            return 0;
    while (!__atomic_compare_exchange_n(&words_used, &at, at + size, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED));
    uint32_t id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
    words[at] = (uintptr_t)id << COUNT_BITS | s->count;
    memcpy(words + at + 1, s->pc, s->count * sizeof *words);
    return at;
}

/* Whoever claims a slot sends the record before others can see the id. Two threads that meet the
 * same new stack at once may give it two ids. */
uint32_t interned_id(const struct unwind_stack *s)
{
    struct slot *slot;
    uint32_t id, none = 0;
    if (s->count == 0)
        return 0;
    while (!(id = find(s, &slot)) && slot) {
        none = 0;
        if (!__atomic_compare_exchange_n(&slot->hash, &none, s->hash, false, __ATOMIC_RELAXED,
                                         __ATOMIC_RELAXED))
            continue;
        uint32_t at = keep(s);
        if (!at)
            break;
        id = (uint32_t)words[at] >> COUNT_BITS;
        send(id, s);
        __atomic_store_n(&slot->at, at, __ATOMIC_RELEASE);
        return id;
    }
    if (!id)
        state_lost(PMT_LOSS_STACK_TABLE_FULL);
    return id;
}

uint32_t interned_find(const struct unwind_stack *s)
{
    struct slot *free;
    return find(s, &free);
}
