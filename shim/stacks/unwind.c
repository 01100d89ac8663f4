#include "shim/stacks/unwind.h"
#include "shim/base/own_map.h"
#include "shim/base/sys.h"
#include "shim/stacks/cfi.h"
#include "shim/stacks/rules.h"

#define WORD sizeof(uintptr_t)

static uint32_t looks; /* how often libraries have come */

bool unwind_init(void)
{
    cfi_init();
    return rules_init();
}

void unwind_look_again(void)
{
    __atomic_fetch_add(&looks, 1, __ATOMIC_RELEASE);
}

/* ---- learning ---- */

static uintptr_t word_of(enum unwind_kind kind, uint32_t saved, uintptr_t offset,
                         uint32_t generation)
{
    return generation | (uintptr_t)kind << UNWIND_KIND_SHIFT | (uintptr_t)saved << UNWIND_FP_SHIFT |
           offset << UNWIND_OFFSET_SHIFT;
}

/* Words below the CFA where the caller's frame pointer is; 0: in its register; -1: elsewhere. */
static intptr_t saved_fp(const struct cfi_value *fp)
{
    intptr_t below = fp->offset / -(intptr_t)WORD;
    if (fp->base == CFI_FP && fp->offset == 0 && !fp->loads)
        return 0;
    bool saved = fp->base == CFI_CFA && fp->loads && fp->offset % (intptr_t)WORD == 0;
    return saved && below >= 1 && below <= (intptr_t)UNWIND_FP_MOST ? below : -1;
}

#define LARGEST ((intptr_t)((uintptr_t)-1 >> (UNWIND_OFFSET_SHIFT + 1)))

/* The short form of what depends on no memory but the saved registers. */
static bool shorten(const struct cfi_rule *rule, uint32_t generation, uintptr_t *word)
{
    const struct cfi_value *fp = &rule->fp;
    intptr_t offset = rule->cfa.offset / (intptr_t)WORD, saved = saved_fp(fp);
    bool at_fp = rule->cfa.base == CFI_FP && rule->cfa.loads;
    bool fp_at_fp = fp->base == CFI_FP && fp->offset == 0 && fp->loads;
    if (rule->pc.base != CFI_CFA || !rule->pc.loads || rule->pc.offset != -(intptr_t)WORD ||
        rule->signal || rule->cfa.offset % (intptr_t)WORD || offset > LARGEST || offset < -LARGEST)
        return false;
    if (at_fp) {
        *word = word_of(UNWIND_AT_FP, 0, (uintptr_t)offset, generation);
        return fp_at_fp;
    }
    if (rule->cfa.loads || offset < 1 || saved < 0 || saved > offset)
        return false;
    *word = word_of(rule->cfa.base == CFI_FP ? UNWIND_BY_FP : UNWIND_BY_SP, (uint32_t)saved,
                    (uintptr_t)offset, generation);
    return true;
}

/* What is known of a pc now; for UNWIND_RARE the rule, too. */
static uintptr_t learn(uintptr_t pc, struct cfi_rule *rule)
{
    uint32_t generation = __atomic_load_n(&unwind_generation, __ATOMIC_ACQUIRE);
    uint32_t look = __atomic_load_n(&looks, __ATOMIC_ACQUIRE) & 0x7fff;
    bool may_wait = !state_in_loader();
    uintptr_t word = 0;
    switch (cfi_find(pc - 1, may_wait, rule)) {
    case CFI_RULE:
        if (state_owns_code(pc) || !shorten(rule, generation, &word))
            word = word_of(UNWIND_RARE, 0, 0, generation);
        break;
    case CFI_END:
        word = word_of(UNWIND_END, 0, 0, generation);
        break;
    case CFI_NONE:
        word = word_of(UNWIND_CUT, 0, look, generation);
        break;
    case CFI_BROKEN: /* the program may show it again: not kept */
        return word_of(UNWIND_CUT, 0, look, generation);
    case CFI_OTHER:
        word = word_of(UNWIND_UNKNOWN, 0, look, generation);
        break;
    }
    rules_keep(pc, word);
    return word;
}

static uintptr_t find_or_learn(uintptr_t pc, struct cfi_rule *rule)
{
    uintptr_t word = unwind_find(pc);
    uint32_t kind = unwind_kind(word), look = (uint32_t)(word >> UNWIND_OFFSET_SHIFT) & 0x7fff;
    bool known = (word & UNWIND_GENERATION) == unwind_generation && kind != UNWIND_RARE;
    if (kind == UNWIND_CUT || kind == UNWIND_UNKNOWN)
        known = known && look == (__atomic_load_n(&looks, __ATOMIC_RELAXED) & 0x7fff);
    return known ? word : learn(pc, rule);
}

/* ---- stacks ---- */

/* Of glibc's threads the descriptor lies at the end of the stack, above all frames. */
static uintptr_t thread_descriptor(void)
{
    uintptr_t self;
#ifdef __i386__
    __asm__("movl %%gs:0, %0" : "=r"(self));
#else
    __asm__("movq %%fs:0, %0" : "=r"(self));
#endif
    return self;
}

static bool is_inside(const struct stack_bounds *b, uintptr_t sp)
{
    return sp - b->low < b->high - b->low;
}

/* The stack that `sp` is in. What is not the thread's own (of a signal handler, of a coroutine) is
 * known until something is unmapped. */
static bool bounds_of(uintptr_t sp, struct stack_bounds *b)
{
    uint32_t unmapped = __atomic_load_n(&live->unmapped, __ATOMIC_ACQUIRE);
    uint64_t low, high;
    struct stack_bounds main = {(uintptr_t)process.stack.low, (uintptr_t)process.stack.high};
    bool on_main = is_inside(&main, sp);
    if (on_main || is_inside(&thread.own_stack, sp)) {
        *b = on_main ? main : thread.own_stack;
    } else if (is_inside(&thread.other_stack, sp) && thread.other_since == unmapped) {
        *b = thread.other_stack;
        return true;
    } else {
        if (!own_map_find(sp, &low, &high))
            return false;
        *b = (struct stack_bounds){(uintptr_t)low, (uintptr_t)high ? (uintptr_t)high : UINTPTR_MAX};
        uintptr_t descriptor = thread_descriptor();
        if (sp >= descriptor || !is_inside(b, descriptor)) {
            thread.other_stack = *b;
            thread.other_since = unmapped;
            return true;
        }
        b->high = descriptor;
    }
    thread.own_stack = *b;
    return true;
}

/* ---- walking ---- */

struct walker {
    struct unwind_registers r;
    struct stack_bounds bounds;
    struct cfi_rule rule;
    bool as_calls;
};

/* Words are read between the stack pointer and the end of its stack only; where the stack has
 * overflowed the pointer lies below it. */
static bool load(const struct walker *w, uintptr_t address, uintptr_t *value)
{
    if (address < w->r.sp || address < w->bounds.low || address > w->bounds.high - WORD)
        return false;
    *value = *(const uintptr_t *)address;
    return true;
}

static bool value_of(const struct walker *w, const struct cfi_value *v, uintptr_t cfa,
                     uintptr_t *value)
{
    *value = (uintptr_t)v->offset + (v->base == CFI_SP   ? w->r.sp
                                     : v->base == CFI_FP ? w->r.fp
                                                         : cfa);
    return !v->loads || load(w, *value, value);
}

/* By a rule without a short form; a signal's frame may lead to another stack. */
static bool step_rarely(struct walker *w)
{
    struct unwind_registers next;
    if (!value_of(w, &w->rule.cfa, 0, &next.sp) || !value_of(w, &w->rule.pc, next.sp, &next.pc) ||
        !value_of(w, &w->rule.fp, next.sp, &next.fp))
        return false;
    bool further = next.sp > w->r.sp && next.sp <= w->bounds.high;
    if (!further && (!w->rule.signal || !bounds_of(next.sp, &w->bounds)))
        return false;
    w->r = next;
    return true;
}

#define MOST_STEPS (4 * PMT_MAX_FRAMES) /* frames of the shim's own are not recorded */

/* To the caller; false: there is none to be found, see `end`. `look_up`: kept as a return address,
 * a signal's is one less. */
static bool step(struct walker *w, uintptr_t *look_up, enum unwind_end *end)
{
    uintptr_t word = find_or_learn(*look_up, &w->rule);
    uint32_t kind = unwind_kind(word);
    bool rare = kind == UNWIND_RARE, ends = kind == UNWIND_END || kind == UNWIND_CUT;
    *end = kind == UNWIND_END ? UNWIND_WHOLE : kind == UNWIND_CUT ? UNWIND_WAS_CUT : UNWIND_FAILED;
    if (ends || kind == UNWIND_UNKNOWN ||
        !(rare ? step_rarely(w)
               : unwind_step(&w->r, word & ~(uintptr_t)UNWIND_GENERATION, w->bounds.high)))
        return false;
    *look_up = w->r.pc + (rare && w->rule.signal && !w->as_calls);
    return true;
}

static enum unwind_end walk(struct unwind_stack *s, struct walker *w, uint32_t depth)
{
    uintptr_t look_up = w->r.pc;
    for (uint32_t steps = 0; steps < MOST_STEPS; steps++) {
        if (!w->r.pc)
            return UNWIND_WHOLE;
        if (!state_owns_code(w->r.pc))
            s->pc[s->count++] = w->r.pc;
        if (s->count == depth)
            return UNWIND_WHOLE;
        enum unwind_end end;
        if (!step(w, &look_up, &end))
            return end;
    }
    return UNWIND_FAILED;
}

enum unwind_end unwind_walk(struct unwind_stack *s, struct unwind_registers from, uint32_t depth,
                            bool as_calls)
{
    struct walker w = {.r = from, .as_calls = as_calls};
    enum unwind_end end = UNWIND_FAILED;
    s->count = 0;
    s->cut = false;
    if (depth == 1) {
        s->pc[s->count++] = from.pc;
        end = UNWIND_WHOLE;
    } else if (bounds_of(from.sp, &w.bounds)) {
        end = walk(s, &w, depth);
    }
    s->cut = end != UNWIND_WHOLE;
    unwind_seal(s);
    return end;
}

/* The thread's stack, which has overflowed: at the stack pointer nothing is mapped, or a guard. */
static bool bounds_above(uintptr_t sp, struct stack_bounds *b)
{
    bool is_main = state_tid() == live->pid;
    uint64_t low, high;
    if (!own_map_find(is_main ? process.stack.inside : thread_descriptor(), &low, &high))
        return false;
    *b = (struct stack_bounds){(uintptr_t)low, (uintptr_t)high};
    return sp < b->low;
}

/* To who has called what is no code at all. */
static bool step_back(struct walker *w)
{
    uintptr_t pc;
    if (!load(w, w->r.sp, &pc) || cfi_find(pc - 1, false, &w->rule) != CFI_RULE)
        return false;
    w->r.pc = pc;
    w->r.sp += WORD;
    return true;
}

enum unwind_end unwind_walk_interrupted(struct unwind_stack *s, struct unwind_registers at,
                                        uint32_t depth, bool is_code)
{
    struct walker w = {.r = at};
    enum unwind_end end = UNWIND_FAILED;
    s->count = 1;
    s->pc[0] = at.pc + 1;
    bool usable = sys_can_read((void *)at.sp);
    if (depth > 1 && (usable ? bounds_of(at.sp, &w.bounds) : bounds_above(at.sp, &w.bounds))) {
        enum cfi_result found = is_code ? cfi_find(at.pc, false, &w.rule) : CFI_NONE;
        if (found == CFI_RULE ? step_rarely(&w) : !is_code && step_back(&w))
            end = walk(s, &w, depth);
        else if (found == CFI_NONE)
            end = UNWIND_WAS_CUT;
    }
    s->cut = end == UNWIND_WAS_CUT;
    unwind_seal(s);
    return end;
}

bool unwind_frames(struct unwind_registers from, bool interrupted, unwind_visitor *visit, void *arg)
{
    struct walker w = {.r = from};
    enum unwind_end end;
    if (!(interrupted && !sys_can_read((void *)from.sp) ? bounds_above(from.sp, &w.bounds)
                                                        : bounds_of(from.sp, &w.bounds)))
        return false;
    uintptr_t look_up = from.pc + interrupted;
    do {
        struct unwind_registers frame = w.r;
        if (!frame.pc || !step(&w, &look_up, &end))
            return false;
        frame.pc += interrupted;
        interrupted = false;
        if (!state_owns_code(frame.pc) && !visit(arg, &frame, w.r.sp))
            return true;
    } while (w.r.sp < w.bounds.high);
    return false;
}
