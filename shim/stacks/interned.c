#include "shim/stacks/interned.h"
#include "shim/base/area.h"
#include "shim/ring/emit.h"
#include <string.h>

/* The table doubles twice when it is half full; what is known is where it was. */
#define FIRST_BITS 12
#define MOST_BITS (sizeof(long) == 4 ? 18u : 19u)
#define BITS_MORE 2
#define PROBES 64u

/* hash 0: free. at: where in the chunks the stack is; 0: not there yet. */
struct slot {
    uint32_t hash;
    uint32_t at;
};

struct slots {
    uint32_t bits;
    struct slot slot[];
};

/* In a chunk: id and number of the frames, then these; a word each. 32-bit programs need their
 * addresses themselves. */
#define COUNT_BITS 8
#define MOST_IDS ((1u << (32 - COUNT_BITS)) - 1)
#define CHUNK_BITS 13
#define CHUNK (1u << CHUNK_BITS)
#define CHUNKS (1u << ((sizeof(long) == 4 ? 22 : 23) - CHUNK_BITS))
#define LEFT_FOR_OTHERS (256u << 10) /* bytes, where the program has a limit */

static struct slots *slots;
static uint32_t growing; /* by one at a time */
static uintptr_t *chunks[CHUNKS];
static uint32_t words_used = 1, last_id;

static struct slots *new_slots(uint32_t bits)
{
    struct slots *new = area_get(sizeof *new + (sizeof *new->slot << bits));
    if (new)
        new->bits = bits;
    return new;
}

bool interned_init(void)
{
    slots = new_slots(FIRST_BITS);
    return slots && (chunks[0] = area_get(CHUNK * sizeof *chunks[0]));
}

static void put(struct slots *to, struct slot s)
{
    uint32_t index = s.hash >> (32 - to->bits);
    for (uint32_t probe = 0; probe < PROBES; probe++, index++) {
        struct slot *there = &to->slot[index & ((1u << to->bits) - 1)];
        if (!there->hash) {
            *there = s;
            return;
        }
    }
}

/* What comes into the old table meanwhile is not in the new one: such a stack gets a second id when
 * it comes again. */
static void grow(void)
{
    uint32_t none = 0;
    struct slots *old = slots, *new;
    if (last_id >> (old->bits - 1) == 0 || old->bits >= MOST_BITS ||
        !__atomic_compare_exchange_n(&growing, &none, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    if (old == slots && (new = new_slots(old->bits + BITS_MORE))) {
        for (uint32_t i = 0; i < 1u << old->bits; i++) {
            uint32_t at = __atomic_load_n(&old->slot[i].at, __ATOMIC_ACQUIRE);
            if (at)
                put(new, (struct slot){old->slot[i].hash, at});
        }
        __atomic_store_n(&slots, new, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&growing, 0, __ATOMIC_RELEASE);
}

static uintptr_t *kept_at(uint32_t at)
{
    return chunks[at >> CHUNK_BITS] + (at & (CHUNK - 1));
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
    struct slots *table = __atomic_load_n(&slots, __ATOMIC_ACQUIRE);
    uint32_t index = s->hash >> (32 - table->bits), mask = (1u << table->bits) - 1;
    *free = NULL;
    for (uint32_t probe = 0; probe < PROBES; probe++, index = (index + 1) & mask) {
        struct slot *slot = &table->slot[index];
        uint32_t hash = __atomic_load_n(&slot->hash, __ATOMIC_RELAXED);
        uint32_t at = __atomic_load_n(&slot->at, __ATOMIC_ACQUIRE); /* partner: interned_id() */
        if (likely(hash == s->hash) && likely(at) && likely(is_kept(kept_at(at), s)))
            return (uint32_t)*kept_at(at) >> COUNT_BITS;
        if (!hash) {
            *free = slot;
            break;
        }
    }
    return 0;
}

/* Whether there is a chunk of that number; memory that two threads bring at once is lost. */
static bool have_chunk(uint32_t number)
{
    uintptr_t *none = NULL, *new;
    if (number >= CHUNKS)
        return false;
    if (__atomic_load_n(&chunks[number], __ATOMIC_ACQUIRE))
        return true;
    if (area_left() < LEFT_FOR_OTHERS || !(new = area_get(CHUNK * sizeof *new)))
        return false;
    __atomic_compare_exchange_n(&chunks[number], &none, new, false, __ATOMIC_RELEASE,
                                __ATOMIC_RELAXED);
    return true;
}

/* Where the frames are kept, all in one chunk; 0 when there is no room. */
static uint32_t keep(const struct unwind_stack *s)
{
    uint32_t size = s->count + 1, at, used = __atomic_load_n(&words_used, __ATOMIC_RELAXED);
    do {
        at = (used & (CHUNK - 1)) + size > CHUNK ? (used | (CHUNK - 1)) + 1 : used;
        if (!have_chunk(at >> CHUNK_BITS) || last_id >= MOST_IDS)
            return 0;
    } while (!__atomic_compare_exchange_n(&words_used, &used, at + size, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    uint32_t id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
    uintptr_t *kept = kept_at(at);
    *kept = (uintptr_t)id << COUNT_BITS | s->count;
    memcpy(kept + 1, s->pc, s->count * sizeof *kept);
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
        id = (uint32_t)*kept_at(at) >> COUNT_BITS;
        send(id, s);
        __atomic_store_n(&slot->at, at, __ATOMIC_RELEASE);
        grow();
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
