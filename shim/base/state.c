#include "shim/base/state.h"
#include "shim/base/sys.h"
#include <string.h>

const char state_never_alone;
static struct live_page not_traced = {.alone = &state_never_alone};
struct live_page *live = &not_traced;
struct state_process process;

__thread struct state_thread thread __attribute__((tls_model("initial-exec")));

void state_update(void)
{
    live->fast = live->sink == SINK_RING && !live->attention && live->clock == PMT_CLOCK_TSC &&
                 process.glibc_malloc && process.sees_kernel &&
                 !(live->ring->flags & PMT_RING_VERIFY_STACKS);
}

void state_attend(enum attention attention)
{
    __atomic_fetch_or(&live->attention, attention, __ATOMIC_RELAXED);
    live->fast = 0;
}

uint32_t state_ask_tid(void)
{
    return thread.tid = (uint32_t)sys0(__NR_gettid);
}

static void within(struct pmt_within *w, const struct call *call)
{
    memset(w, 0, sizeof *w);
    w->call = (uint8_t)call->call;
    w->size = call->size;
    w->name_size = call->named ? thread.name_size : 0;
}

bool state_in_dlopen(void)
{
    struct call *loader = &thread.loader;
    const struct call_frame *frame = (const struct call_frame *)loader->frame;
    uintptr_t sp = thread.left_at ? thread.left_at : (uintptr_t)__builtin_frame_address(0);
    if (!loader->call || !frame || loader->framed) /* it ends by itself, or by a look at the map */
        return loader->call;
    if (loader->frame < sp || !sys_can_read(&frame->caller) || frame->caller != loader->caller)
        loader->call = PMT_CALL_NONE;
    return loader->call;
}

const struct call *state_call_of_loader(void)
{
    bool in_call = state_in_call();
    if (state_in_dlopen() && (!in_call || thread.loader.frame <= thread.call.frame))
        return &thread.loader;
    return in_call ? &thread.call : NULL;
}

static const struct call loader_itself = {.call = PMT_CALL_LOADER};

void state_within(struct pmt_within *w)
{
    static const struct call none;
    const struct call *of_loader = thread.by_loader ? state_call_of_loader() : NULL;
    if (thread.by_loader)
        within(w, of_loader ? of_loader : &loader_itself);
    else
        within(w, state_in_call() ? &thread.call : &none);
    w->by_loader = thread.by_loader;
}

void state_within_loader(struct pmt_within *w)
{
    within(w, thread.loader.call ? &thread.loader : &loader_itself);
}

void state_name_call(const char *name)
{
    size_t size = name ? strnlen(name, sizeof thread.name) : 0;
    memcpy(thread.name, name ? name : "", size);
    thread.name_size = (uint8_t)size;
    thread.call.named = true;
}
