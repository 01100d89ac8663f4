#include "shim/stacks/remembered.h"
#include "shim/base/area.h"

#define FIRST_BITS 5
#define MOST_BITS 9
#define MANY (8u << FIRST_BITS) /* walks that took the place of others */

struct remembered *remembered;
uint32_t remembered_shift;
static uint32_t taken;

static bool make(uint32_t bits)
{
    struct remembered *new = area_get(sizeof *new << bits);
    if (!new)
        return false;
    __atomic_store_n(&remembered, new, __ATOMIC_RELEASE);
    __atomic_store_n(&remembered_shift, 32 - bits, __ATOMIC_RELEASE);
    return true;
}

bool remembered_init(void)
{
    return make(FIRST_BITS);
}

/* Once, by whoever counts that far; all is walked and remembered again. */
static void count_taken(void)
{
    if (taken < MANY && __atomic_add_fetch(&taken, 1, __ATOMIC_RELAXED) == MANY)
        make(MOST_BITS);
}

/* What a walk reads, while it goes on. */
struct reading {
    struct remembered *m;
    uint32_t count;
    const uintptr_t *fp_at; /* where the frame pointer was read; NULL: it is that of the start */
    bool fp_noted;
};

static void note(struct reading *r, const uintptr_t *at, uintptr_t value)
{
    if (r->count < REMEMBERED_WORDS)
        r->m->words[r->count] = (struct remembered_word){at, value};
    r->count++; /* too many: see end() */
}

/* A frame pointer that no rule uses may be anything. */
static void note_fp(struct reading *r, uintptr_t fp)
{
    if (r->fp_noted)
        return;
    if (r->fp_at)
        note(r, r->fp_at, fp);
    else
        r->m->fp_matters = ~(uintptr_t)0;
    r->fp_noted = true;
}

static void note_step(struct reading *r, const struct unwind_registers *before,
                      const struct unwind_registers *after, uintptr_t word)
{
    const uintptr_t *cfa = (const uintptr_t *)after->sp, *fp = (const uintptr_t *)before->fp;
    uintptr_t saved = word >> UNWIND_FP_SHIFT & UNWIND_FP_MOST;
    if (unwind_kind(word) != UNWIND_BY_SP)
        note_fp(r, before->fp);
    if (unwind_kind(word) == UNWIND_AT_FP) {
        note(r, fp + ((intptr_t)word >> UNWIND_OFFSET_SHIFT), after->sp);
        r->fp_at = fp;
        r->fp_noted = false;
    } else if (saved) {
        r->fp_at = cfa - saved;
        r->fp_noted = false;
    }
    note(r, cfa - 1, after->pc);
}

/* Also against a signal handler: it does not touch what its thread was writing here, which is of no
 * stack until end(). */
static bool begin(struct remembered *m, uint32_t *version)
{
    *version = __atomic_load_n(&m->version, __ATOMIC_RELAXED);
    if (*version & 1 || !__atomic_compare_exchange_n(&m->version, version, *version + 1, false,
                                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return false;
    m->from.sp = 0;
    __atomic_signal_fence(__ATOMIC_RELEASE);
    return true;
}

static void end(struct reading *r, struct unwind_registers from, uint32_t id, uint32_t version)
{
    struct remembered *m = r->m;
    bool whole = id && r->count <= REMEMBERED_WORDS;
    while (whole && r->count % 4)
        note(r, m->words->at, m->words->value);
    m->count = whole ? r->count : 0;
    m->id = id;
    __atomic_signal_fence(__ATOMIC_RELEASE); /* partner: remembered_id_alone() */
    m->from = whole ? from : (struct unwind_registers){0};
    __atomic_store_n(&m->version, version + 2, __ATOMIC_RELEASE); /* partner: remembered_id() */
}

static bool walk(struct unwind_registers r, uint32_t depth, struct reading *reading)
{
    struct unwind_stack *stack = &reading->m->stack;
    const uintptr_t generation = unwind_generation;
    const uintptr_t high = thread.own_stack.high;
    struct unwind_registers before;
    uint32_t mixed = 0;
    stack->count = 0;
    reading->m->generation = (uint32_t)generation;
    reading->m->high = high;
    reading->m->fp_matters = 0;
    do {
        uint32_t product = unwind_product(r.pc);
        stack->pc[stack->count++] = r.pc;
        mixed = unwind_mix(mixed, product);
        if (stack->count == depth)
            break;
        uintptr_t word = unwind_word(r.pc, product) - generation;
        if (word & UNWIND_GENERATION)
            return false;
        before = r;
        if (!unwind_step(&r, word, high)) {
            if (unwind_kind(word) != UNWIND_END)
                return false;
            break;
        }
        note_step(reading, &before, &r, word);
    } while (r.pc);
    stack->hash = unwind_hash(mixed);
    return true;
}

uint32_t remembered_walk(struct remembered *m, struct unwind_registers from, uint32_t depth,
                         uint32_t (*find)(const struct unwind_stack *stack))
{
    struct reading reading = {.m = m};
    uint32_t version, id = 0;
    if ((depth > 1 && !unwind_on_own_stack(from.sp)) || !begin(m, &version))
        return 0;
    if (m->count)
        count_taken();
    if (walk(from, depth, &reading))
        id = find(&m->stack);
    end(&reading, from, id, version);
    return id;
}
