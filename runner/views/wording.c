#include "runner/views/wording.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/views/caller.h"
#include "schemas/names.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void wording_allocator_call(char *out, size_t size, unsigned call, uint64_t bytes, uint64_t old,
                            uint64_t addr)
{
    const char *name = names_call(call);
    if (call == PMT_CALL_FREE)
        snprintf(out, size, "free(0x%" PRIx64 ")", addr);
    else if (old)
        snprintf(out, size, "%s(0x%" PRIx64 ", %" PRIu64 ")", name, old, bytes);
    else
        snprintf(out, size, "%s(%" PRIu64 ")", name, bytes);
    size_t used = strlen(out);
    if (call != PMT_CALL_FREE && addr)
        snprintf(out + used, size - used, " = 0x%" PRIx64, addr);
}

void wording_system_call(const struct cause *c, char *out, size_t size)
{
    const uint64_t *a = c->args;
    const char *name = names_call(c->kernel);
    char length[TEXT_SIZE];
    switch (c->kernel) {
    case PMT_CALL_BRK:
        snprintf(out, size, _("brk from 0x%" PRIx64 " to 0x%" PRIx64), c->old_brk,
                 (uint64_t)c->result);
        break;
    case PMT_CALL_MMAP:
    case PMT_CALL_MMAP2:
        snprintf(out, size, _("mmap(length %s) = 0x%" PRIx64), text_exact_size(length, a[1]),
                 (uint64_t)c->result);
        break;
    case PMT_CALL_MREMAP:
        snprintf(out, size, _("mremap(0x%" PRIx64 ", new length %s) = 0x%" PRIx64), a[0],
                 text_exact_size(length, a[2]), (uint64_t)c->result);
        break;
    case PMT_CALL_SHMAT:
        snprintf(out, size, "shmat(id %" PRIu64 ") = 0x%" PRIx64, a[0], (uint64_t)c->result);
        break;
    case PMT_CALL_SHMDT:
        snprintf(out, size, "shmdt(0x%" PRIx64 ")", a[0]);
        break;
    case PMT_CALL_IO_SETUP:
        snprintf(out, size, "io_setup(%" PRIu64 ")", a[0]);
        break;
    case PMT_CALL_IO_DESTROY:
        snprintf(out, size, "io_destroy(0x%" PRIx64 ")", a[0]);
        break;
    case PMT_CALL_MLOCKALL:
    case PMT_CALL_MUNLOCKALL:
    case PMT_CALL_PROCESS_MADVISE: /* its ranges lie in memory */
        snprintf(out, size, "%s()", name);
        break;
    default:
        snprintf(out, size, _("%s(0x%" PRIx64 ", length %s)"), name, a[0],
                 text_exact_size(length, a[1]));
    }
}

bool wording_is_system_call(const struct cause *c)
{
    return c->kernel &&
           (c->code == c->kernel || (c->code == PMT_CALL_MMAP && c->kernel == PMT_CALL_MMAP2));
}

void wording_call(const struct cause *c, char *out, size_t size)
{
    if (call_allocates(c->code) && c->kind != CAUSE_LOADER)
        return wording_allocator_call(out, size, c->code, c->size, c->old_addr, c->addr);
    if (wording_is_system_call(c))
        return wording_system_call(c, out, size);
    bool loads = c->code >= PMT_CALL_DLOPEN && c->code <= PMT_CALL_DLCLOSE;
    if (c->code == PMT_CALL_LOADER)
        snprintf(out, size, _("the dynamic loader"));
    else if (c->kind == CAUSE_LOADER && !loads && c->name[0])
        snprintf(out, size, _("the dynamic loader, for %s(\"%.40s\")"), cause_name(c), c->name);
    else if (c->kind == CAUSE_LOADER && !loads)
        snprintf(out, size, _("the dynamic loader, for %s()"), cause_name(c));
    else if (c->kind == CAUSE_PAGE_FAULT)
        snprintf(out, size, _("page fault, noticed in"));
    else if (c->code == PMT_CALL_NONE)
        snprintf(out, size, "%s", cause_name(c));
    else if (c->name[0])
        snprintf(out, size, "%s(\"%.40s\")", cause_name(c), c->name);
    else
        snprintf(out, size, "%s()", cause_name(c));
    for (char *at = out; *at; at++) /* names come from the program */
        if ((unsigned char)*at < ' ' || (unsigned char)*at >= 0x7f)
            *at = '?';
}

bool wording_stack_use(const struct model *m, const struct change *change, char *out, size_t size)
{
    const struct pmt_stack_use *use = &m->image->stack_use;
    char place[200], bytes[TEXT_SIZE], each[TEXT_SIZE];
    bool used =
        change->reason.code == REASON_STACK_USED || change->reason.code == REASON_STACK_FULL;
    if (change->reason.code == REASON_STACK_RETURNED) {
        snprintf(out, size, _("calls that have returned used the stack"));
        return true;
    }
    if (!used || !caller_text(m, use->r.stack_id, place, sizeof place))
        return false;
    text_size(bytes, use->bytes);
    if (use->calls == 1)
        snprintf(out, size, _("%s uses %s of stack"), place, bytes);
    else if (use->each)
        snprintf(out, size, _("%" PRIu64 " calls of %s use %s of stack, %s each"), use->calls,
                 place, bytes, text_size(each, use->each));
    else
        snprintf(out, size, _("%" PRIu64 " calls of %s use %s of stack"), use->calls, place, bytes);
    return true;
}

void wording_note(const struct change *change, char *out, size_t size)
{
    char delta[TEXT_SIZE], was[TEXT_SIZE], perms[4];
    uint64_t bytes = (uint64_t)(change->delta < 0 ? -change->delta : change->delta);
    out[0] = '\0';
    if (change->type == CHANGE_GROWN || change->type == CHANGE_SHRUNK)
        snprintf(out, size, _("%c%s, was %s"), change->delta < 0 ? '-' : '+',
                 text_size(delta, bytes), text_size(was, region_size(change->before)));
    else if (change->type == CHANGE_PROTECTION) {
        names_perms(perms, change->before->raw.perms);
        snprintf(out, size, _("was %.4s"), perms);
    } else if (change->type == CHANGE_MOVED)
        snprintf(out, size, _("was at %08" PRIx64), change->before->raw.start);
    else if (change->parts.count)
        snprintf(out, size, _("%zu regions"), change->parts.count);
}
