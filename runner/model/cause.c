#include "runner/model/cause.h"
#include "schemas/names.h"
#include <string.h>
#include <sys/mman.h>

const char *cause_name(const struct cause *c)
{
    switch (c->kind) {
    case CAUSE_UNATTRIBUTED:
    case CAUSE_OVERLOOKED:
        return "unattributed";
    case CAUSE_PAGE_FAULT:
        return "page fault";
    case CAUSE_TRACER:
        return "procmap-trace";
    default:
        return names_call(c->code);
    }
}

bool cause_kernel_failed(const struct pmt_kernel *k)
{
    if (k->r.call == PMT_CALL_BRK)
        return k->args[0] && (uint64_t)k->result != k->args[0];
    return k->result < 0 && k->result > -4096;
}

void cause_made_add(struct made *made, const struct pmt_kernel *k)
{
    bool failed = cause_kernel_failed(k);
    bool maps = k->r.call == PMT_CALL_MMAP || k->r.call == PMT_CALL_MMAP2;
    made->calls++;
    if (k->r.call == PMT_CALL_BRK && failed)
        made->brk_refused = true;
    else if (k->r.call == PMT_CALL_BRK && k->args[0] > k->old_brk && !made->old_brk)
        made->old_brk = k->old_brk;
    else if (maps && !failed && k->args[2] == PROT_NONE) {
        made->reserved = (uint64_t)k->result;
        made->reserved_end = made->reserved + k->args[1];
    }
}

static struct cause of_within(enum cause_kind kind, const struct pmt_within *within,
                              const char *name, uint32_t stack_id)
{
    struct cause c = {
        .kind = kind, .code = within->call, .size = within->size, .stack_id = stack_id};
    memcpy(c.name, name, within->name_size);
    return c;
}

static struct cause of_kernel(const struct cause_kernel *last)
{
    const struct pmt_kernel *k = &last->record;
    struct cause c = of_within(CAUSE_KERNEL, &k->within, last->name, k->r.stack_id);
    c.kernel = k->r.call;
    memcpy(c.args, k->args, sizeof c.args);
    c.result = k->result;
    c.old_brk = k->old_brk;
    c.made = last->made;
    c.kernel_seq = c.seq = last->seq;
    c.by_loader = k->within.by_loader;
    if (!c.code) /* the program made the system call itself */
        c.code = k->r.call;
    return c;
}

static enum cause_kind kind_of_look(const struct pmt_snapshot *look,
                                    const struct cause_kernel *last)
{
    switch (look->r.call) {
    case PMT_REASON_KERNEL:
        return last->seq ? CAUSE_KERNEL : CAUSE_UNATTRIBUTED;
    case PMT_REASON_CALL:
        return look->within.call ? CAUSE_CALL : CAUSE_UNATTRIBUTED;
    case PMT_REASON_LOADER:
        return CAUSE_LOADER;
    case PMT_REASON_STACK:
        return CAUSE_PAGE_FAULT;
    case PMT_REASON_TRACER:
        return CAUSE_TRACER;
    case PMT_REASON_RETRY:
        return CAUSE_OVERLOOKED;
    default:
        return CAUSE_UNATTRIBUTED;
    }
}

struct cause cause_of_look(const struct pmt_snapshot *look, const struct cause_kernel *last)
{
    enum cause_kind kind = kind_of_look(look, last);
    if (kind == CAUSE_KERNEL)
        return of_kernel(last);
    struct cause c = of_within(kind, &look->within, (const char *)(look + 1), look->r.stack_id);
    if (kind == CAUSE_LOADER && !c.code)
        c.code = PMT_CALL_LOADER;
    else if (kind == CAUSE_TRACER)
        c.code = PMT_CALL_NONE;
    else if (kind == CAUSE_PAGE_FAULT)
        cause_page_fault(&c);
    else if (kind == CAUSE_UNATTRIBUTED || kind == CAUSE_OVERLOOKED)
        c.code = c.stack_id = 0; /* those of the look, not of the change */
    return c;
}

void cause_tracer(struct cause *c)
{
    cause_forget(c);
    c->kind = CAUSE_TRACER;
}

void cause_forget(struct cause *c)
{
    c->kind = CAUSE_UNATTRIBUTED;
    c->by_loader = false;
    c->code = c->kernel = PMT_CALL_NONE;
    c->seq = c->kernel_seq = c->stack_id = 0;
}

void cause_page_fault(struct cause *c)
{
    *c = (struct cause){.kind = CAUSE_PAGE_FAULT, .stack_id = c->stack_id};
}
