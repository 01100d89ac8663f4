#include "shim/looks/stack_use.h"
#include "schemas/stack_use.h"
#include "shim/base/sys.h"
#include "shim/ring/emit.h"
#include "shim/stacks/stack_id.h"
#include <sys/resource.h>

#define PLACES 64u

struct place {
    uintptr_t pc, bytes, each, calls;
};

/* What the frames below `was_low` belong to. */
struct use {
    uintptr_t was_low, sp; /* 0: no frame was seen yet */
    struct place places[PLACES];
    uint32_t count, last;
    bool too_many;
};

static struct unwind_registers interrupted; /* of the main thread */

void stack_use_interrupted(struct unwind_registers at)
{
    if (state_tid() == live->pid)
        interrupted = at;
}

static struct place *place_of(struct use *use, uintptr_t pc)
{
    uint32_t i = use->last;
    if (i < use->count && use->places[i].pc == pc)
        return &use->places[i];
    for (i = 0; i < use->count; i++)
        if (use->places[i].pc == pc)
            break;
    if (i == PLACES)
        return NULL;
    if (i == use->count)
        use->places[use->count++] = (struct place){.pc = pc};
    use->last = i;
    return &use->places[i];
}

static bool add(void *arg, const struct unwind_registers *frame, uintptr_t end)
{
    struct use *use = arg;
    uintptr_t bytes = end - frame->sp;
    use->sp = use->sp ? use->sp : frame->sp;
    if (frame->sp >= use->was_low)
        return false;
    struct place *p = place_of(use, frame->pc);
    if (!p) {
        use->too_many = true;
        return false;
    }
    p->each = p->calls == 0 || p->each == bytes ? bytes : 0;
    p->bytes += bytes;
    p->calls++;
    return end < use->was_low;
}

static struct place largest(const struct use *use)
{
    struct place most = {0};
    for (uint32_t i = 0; i < use->count; i++)
        if (use->places[i].bytes > most.bytes)
            most = use->places[i];
    return most;
}

uint64_t stack_use_limit(void)
{
    uint64_t limit[2] = {~0ull, ~0ull}; /* struct rlimit64 */
    sys4(__NR_prlimit64, 0, RLIMIT_STACK, NULL, limit);
    return limit[0] == ~0ull ? 0 : limit[0];
}

static void send(const struct use *use)
{
    struct place most = largest(use);
    uint32_t stack_id = most.calls ? stack_id_of_caller(most.pc) : 0;
    if (most.calls && !stack_id)
        return;
    struct emit e = emit_begin(sizeof(struct pmt_stack_use));
    struct pmt_stack_use *u = e.record;
    if (!u)
        return;
    emit_header(&e, PMT_RECORD_STACK_USE, 0, stack_id, ticks_now());
    u->sp = use->sp;
    u->limit = stack_use_limit();
    u->bytes = most.bytes;
    u->each = most.each;
    u->calls = most.calls;
    emit_end(&e);
}

void stack_use_tell(uintptr_t was_low)
{
    struct use use = {.was_low = was_low};
    bool by_signal = interrupted.sp != 0;
    if (state_tid() != live->pid || !thread.left_at)
        return;
    struct unwind_registers from =
        by_signal ? interrupted : stack_id_registers((const struct call_frame *)thread.left_at);
    if (unwind_frames(from, by_signal, add, &use) && !use.too_many)
        send(&use);
}
