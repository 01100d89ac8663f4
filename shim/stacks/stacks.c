#include "shim/stacks/stacks.h"
#include "shim/base/memory.h"
#include "shim/ring/emit.h"
#include "shim/stacks/libunwind_walk.h"
#include "shim/stacks/unwind.h"
#include "shim/stacks/verify.h"
#include "shim/stacks/walkers.h"
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

static uint32_t depth_of_call = PMT_MAX_FRAMES, depth_of_change = PMT_MAX_FRAMES;
static bool verifies;

bool stacks_init(void)
{
    if (!unwind_init() || !remembered_init() || !walkers_init())
        return false;
    slots = memory_private(SLOTS * sizeof *slots);
    size_t room = memory_left() > LEFT_FOR_OTHERS ? memory_left() - LEFT_FOR_OTHERS : 0;
    words_room = (uint32_t)(room / sizeof *words < MOST_WORDS ? room / sizeof *words : MOST_WORDS);
    words = memory_private(words_room * sizeof *words);
    return slots && words;
}

void stacks_configure(uint32_t ring_flags, uint32_t depth)
{
    bool none = ring_flags & PMT_RING_NO_STACKS;
    if (depth == 0 || depth > PMT_MAX_FRAMES)
        depth = PMT_MAX_FRAMES;
    depth_of_change = none ? 1 : depth;
    depth_of_call = none || ring_flags & PMT_RING_CHANGE_STACKS ? 1 : depth;
    verifies = ring_flags & PMT_RING_VERIFY_STACKS;
}

bool stacks_need_libunwind(void)
{
    return depth_of_change > 1;
}

bool stacks_hold(void)
{
    return walkers_hold();
}

void stacks_go_on(bool held, bool in_child)
{
    if (in_child && !held)
        libunwind_unload();
    if (held || in_child)
        walkers_free();
}

/* ---- interning ---- */

static void send(uint32_t id, const struct unwind_stack *stack)
{
    struct emit e =
        emit_begin(sizeof(struct pmt_stack) + stack->count * (uint32_t)sizeof(uint64_t));
    struct pmt_stack *s = e.record;
    if (!s)
        return;
    emit_header(&e, PMT_RECORD_STACK, 0, id, clock_now());
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
        uint32_t at = __atomic_load_n(&slot->at, __ATOMIC_ACQUIRE); /* partner: intern() */
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
static uint32_t intern(const struct unwind_stack *s)
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

/* The frames that are enough when there is no room for all: there is some for the callers. */
static uint32_t intern_or_caller(struct unwind_stack *s)
{
    uint32_t id = intern(s);
    return id || s->count <= 1 ? id : stacks_of_caller(s->pc[0]);
}

uint32_t stacks_of_caller(uintptr_t caller)
{
    struct unwind_stack s;
    s.count = caller != 0;
    s.cut = false;
    s.pc[0] = caller;
    unwind_seal(&s);
    return intern(&s);
}

/* ---- stacks of allocator calls ---- */

static uint32_t find_known(const struct unwind_stack *s)
{
    struct slot *free;
    return find(s, &free);
}

uint32_t stacks_find(struct unwind_registers from)
{
    if (unlikely(state_loader_owns(from.pc)))
        return 0;
    struct remembered *place = remembered_place(from);
    uint32_t id = remembered_id(place, from);
    return likely(id) ? id : remembered_walk(place, from, depth_of_call, find_known);
}

struct search {
    struct unwind_stack *stack;
    struct unwind_registers from;
    uint32_t depth;
    enum unwind_end end;
};

static void search(void *arg)
{
    struct search *s = arg;
    s->end = unwind_walk(s->stack, s->from, s->depth, false);
}

/* Whether there is room below `sp` to read tables. */
static bool is_roomy(uintptr_t sp)
{
    const uintptr_t enough = 16u << 10;
    return unwind_on_own_stack(sp) &&
           (thread.own_stack.high == process.stack_high || sp - thread.own_stack.low > enough);
}

static void walk_by_rules(struct search *s)
{
    uint64_t mask;
    if (is_roomy(s->from.sp))
        return search(s);
    sys_block_signals(&mask);
    if (!walkers_run(search, s))
        *s->stack = (struct unwind_stack){.pc = {s->from.pc}, .count = 1};
    sys_restore_signals(&mask);
}

/* libunwind finds more than the rules did. */
static bool ask_libunwind(struct unwind_stack *s, uintptr_t sp, uint32_t depth)
{
    struct unwind_stack more;
    uint64_t mask;
    sys_block_signals(&mask);
    bool asked = libunwind_is_ready();
    if (asked && libunwind_walk(&more, depth, sp, true) != UNWIND_FAILED && more.count > s->count)
        *s = more;
    sys_restore_signals(&mask);
    return asked;
}

static uint32_t of_frame(const struct frame *frame, uint32_t depth)
{
    struct unwind_stack stack;
    struct search s = {&stack, stacks_registers(frame), depth, UNWIND_FAILED};
    walk_by_rules(&s);
    bool fell_back = s.end == UNWIND_FAILED && ask_libunwind(&stack, s.from.sp, depth);
    if (unlikely(verifies))
        verify_walk(&stack, s.from, depth, s.end, fell_back);
    if (s.end == UNWIND_WAS_CUT)
        verify_count(PMT_WALKS_CUT);
    uint32_t id = intern_or_caller(&stack), known = 0;
    if (unlikely(verifies) && depth == depth_of_call)
        known = stacks_known(live, frame); /* the short way, and remembered walks */
    if (known && known != id)
        verify_count(PMT_WALKS_MISMATCHED);
    return id;
}

uint32_t stacks_of_frame(const struct frame *frame)
{
    uint32_t id = unlikely(verifies) ? 0 : stacks_known(live, frame);
    return likely(id) ? id : of_frame(frame, depth_of_call);
}

/* ---- stacks of changes ---- */

uint32_t stacks_here(uintptr_t caller)
{
    struct unwind_stack s;
    if (depth_of_change == 1 || !libunwind_is_ready())
        return stacks_of_caller(caller);
    libunwind_walk(&s, depth_of_change, 0, true);
    return s.count > 1 ? intern_or_caller(&s) : stacks_of_caller(s.count ? s.pc[0] : caller);
}

uint32_t stacks_of_change(void)
{
    struct call *call = &thread.call;
    if (!state_in_call())
        return stacks_here(0);
    const struct frame *frame = (const struct frame *)call->frame;
    bool framed = call->framed && frame->caller == call->caller; /* else a longjmp left it behind */
    if (!call->stack_id)
        call->stack_id = framed ? of_frame(frame, depth_of_change) : stacks_of_caller(call->caller);
    return call->stack_id;
}
