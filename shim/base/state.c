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

void state_within(struct pmt_within *w)
{
    static const struct call none;
    within(w, state_in_call() ? &thread.call : &none);
}

void state_within_loader(struct pmt_within *w)
{
    static const struct call loader = {.call = PMT_CALL_LOADER};
    within(w, thread.loader.call ? &thread.loader : &loader);
}

void state_name_call(const char *name)
{
    size_t size = name ? strnlen(name, sizeof thread.name) : 0;
    memcpy(thread.name, name ? name : "", size);
    thread.name_size = (uint8_t)size;
    thread.call.named = true;
}
