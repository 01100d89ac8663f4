#include "runner/views/fatal_words.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/views/caller.h"
#include "schemas/names.h"
#include <inttypes.h>
#include <signal.h>
#include <string.h>

void fatal_words_headline(const struct model *m, const struct pmt_fatal *f, char *out, size_t size)
{
    static const char *const accesses[] = {[PMT_ACCESS_READ] = N_("read from"),
                                           [PMT_ACCESS_WRITE] = N_("write to"),
                                           [PMT_ACCESS_EXECUTE] = N_("jump to"),
                                           [PMT_ACCESS_UNKNOWN] = N_("access to")};
    int used = snprintf(out, size, "%s", names_fatal_signal(f->r.call));
    if (f->access != PMT_ACCESS_NONE)
        snprintf(out + used, size - (size_t)used, ": %s 0x%" PRIx64, _(accesses[f->access]),
                 f->addr);
    else if (f->sender && f->sender != m->image->pid)
        snprintf(out + used, size - (size_t)used, _(": sent by process %" PRIu32), f->sender);
}

void fatal_words_reason(const struct model *m, const struct pmt_fatal *f, char *out, size_t size)
{
    const int signal = f->r.call;
    uint32_t length = f->message_size;
    const char *message = (const char *)(f + 1);
    while (length && message[length - 1] == '\n')
        length--;
    out[0] = '\0';
    if (length)
        snprintf(out, size, "%.*s", (int)length, message);
    else if (f->sender && signal != SIGABRT) /* abort(3) does so */
        snprintf(out, size, "%s",
                 f->sender == m->image->pid ? _("the program has sent it to itself") : "");
    else if (signal == SIGFPE && f->code == FPE_INTDIV)
        snprintf(out, size,
                 _("an integer was divided by zero, or the quotient has no room in its type"));
    else if (signal == SIGILL)
        snprintf(out, size,
                 _("no instruction of this machine: compilers put one where a program "
                   "must never come to, as __builtin_trap() does"));
    else if (signal == SIGSEGV && f->code == SI_KERNEL)
        snprintf(out, size,
                 _("an address that can be none, or an instruction that is for the "
                   "kernel only"));
}

/* ---- the address ---- */

static void range(const struct region *r, char *out, size_t size)
{
    char perms[4], bytes[TEXT_SIZE];
    names_perms(perms, r->raw.perms);
    snprintf(out, size, "%s %08" PRIx64 "-%08" PRIx64 " %.4s %s", kind_name(r->kind), r->raw.start,
             r->raw.end, perms, text_size(bytes, region_size(r)));
}

static const char *forbidden(const struct region *r, uint32_t access)
{
    bool may = (access == PMT_ACCESS_READ && r->raw.perms & PMT_PERM_READ) ||
               (access == PMT_ACCESS_WRITE && r->raw.perms & PMT_PERM_WRITE) ||
               (access == PMT_ACCESS_EXECUTE && r->raw.perms & PMT_PERM_EXEC);
    return may || access == PMT_ACCESS_UNKNOWN ? ""
           : access == PMT_ACCESS_READ         ? _(", which must not be read")
           : access == PMT_ACCESS_WRITE        ? _(", which must not be written")
                                               : _(", which must not be executed");
}

static void say_region(const struct model *m, const struct pmt_fatal *f, const struct region *r,
                       char *out, size_t size)
{
    char where[120], bytes[TEXT_SIZE];
    const struct region *above = regions_find(&m->image->map, r->raw.end);
    range(r, where, sizeof where);
    if (r->kind == KIND_GUARD && above && above->kind == KIND_THREAD_STACK &&
        f->sp < above->raw.end)
        snprintf(out, size, _("the guard below the stack of thread %" PRIu32 ", which is full: %s"),
                 above->tid, text_size(bytes, region_size(above)));
    else if (f->content_size && f->content_at <= f->content_size)
        snprintf(out, size, _("there is the %s \"%.*s\", in %s%s"),
                 r->kind == KIND_RODATA || r->kind == KIND_LIB_RODATA ? _("constant") : _("text"),
                 (int)f->content_size, (const char *)(f + 1) + f->message_size, where,
                 forbidden(r, f->access));
    else
        snprintf(out, size, _("there is %s%s"), where, forbidden(r, f->access));
}

static void say_removed(const struct model *m, const struct grave *g, char *out, size_t size)
{
    char where[120], caller[400];
    range(g->region, where, sizeof where);
    bool known = caller_text(m, g->cause.stack_id, caller, sizeof caller);
    snprintf(out, size, _("nothing is there any more: %s was removed at %.3f ms by %s%s%s%s"),
             where, (double)g->t_ns / 1e6, cause_name(&g->cause), known ? " (" : "",
             known ? caller : "", known ? ")" : "");
}

static void say_near(const struct place *p, char *out, size_t size)
{
    char where[120];
    const char *side = p->kind == PLACE_BEHIND ? _("behind") : _("below");
    range(p->region, where, sizeof where);
    if (p->kind == PLACE_BEHIND && p->distance == 0)
        snprintf(out, size, _("nothing is there: the first byte behind %s"), where);
    else
        snprintf(out, size, _("nothing is there: %" PRIu64 " bytes %s %s"), p->distance, side,
                 where);
}

void fatal_words_place(const struct model *m, const struct pmt_fatal *f, const struct place *p,
                       char *out, size_t size)
{
    char limit[TEXT_SIZE], more[TEXT_SIZE];
    out[0] = '\0';
    switch (p->kind) {
    case PLACE_NONE:
        return;
    case PLACE_REGION:
        return say_region(m, f, p->region, out, size);
    case PLACE_FILE_END:
        snprintf(out, size, _("the file %s ends before that page"), p->region->path);
        return;
    case PLACE_NULL:
        if (p->distance)
            snprintf(out, size, _("nothing can be there: a null pointer, and %" PRIu64 " bytes on"),
                     p->distance);
        else
            snprintf(out, size, _("nothing can be there: a null pointer"));
        return;
    case PLACE_STACK_LIMIT:
        snprintf(
            out, size,
            _("below the stack, which would have to be %s larger than its limit, %s (ulimit -s)"),
            text_size(more, p->distance - f->stack_limit), text_size(limit, f->stack_limit));
        return;
    case PLACE_REMOVED:
        return say_removed(m, p->grave, out, size);
    case PLACE_BEHIND:
    case PLACE_BELOW:
        return say_near(p, out, size);
    case PLACE_NOWHERE:
        snprintf(out, size, _("nothing is mapped there"));
    }
}

/* "main uaf.c:9" */
static const char *made_by(const struct model *m, uint32_t stack_id, char *out, size_t size)
{
    return caller_text(m, stack_id, out, size) ? out : "?";
}

void fatal_words_freed_before(const struct model *m, const struct pmt_fatal *f, char *out,
                              size_t size)
{
    char maker[400], freer[400];
    const struct freed_block *freed = last_words_freed_before(m->image, f);
    out[0] = '\0';
    if (freed)
        snprintf(out, size,
                 _("the block 0x%" PRIx64 " of %" PRIu64
                   " bytes, of %s, was freed before: by %s at %.3f ms"),
                 freed->addr, freed->size, made_by(m, freed->made_by, maker, sizeof maker),
                 made_by(m, freed->freed_by, freer, sizeof freer), (double)freed->t_ns / 1e6);
}

void fatal_words_block(const struct model *m, const struct pmt_fatal *f, const struct place *p,
                       char *out, size_t size)
{
    char maker[400], freer[400];
    const struct freed_block *freed = p->grave && p->grave->block.addr ? &p->grave->block : NULL;
    out[0] = '\0';
    if (freed)
        snprintf(out, size,
                 _("there lay the block 0x%" PRIx64 " of %" PRIu64
                   " bytes, of %s; freed by %s at %.3f ms"),
                 freed->addr, freed->size, made_by(m, freed->made_by, maker, sizeof maker),
                 made_by(m, freed->freed_by, freer, sizeof freer), (double)freed->t_ns / 1e6);
    else if (p->block)
        snprintf(out, size,
                 _("the last block before it: 0x%" PRIx64 " of %" PRIu64
                   " bytes, of %s, begins %" PRIu64 " bytes before"),
                 p->block->addr, p->block->size,
                 made_by(m, p->block->stack_id, maker, sizeof maker), f->addr - p->block->addr);
}
