#include "runner/views/end_words.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/views/caller.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void end_title(const struct pmt_exit *x, char *out, size_t size)
{
    const char *name = x && x->signal ? sigabbrev_np((int)x->signal) : NULL;
    if (!x)
        snprintf(out, size, _("the trace ends before it does"));
    else if (x->end == PMT_END_DETACHED)
        snprintf(out, size, _("DETACHED"));
    else if (x->end == PMT_END_EXEC)
        snprintf(out, size, _("REPLACED by another program"));
    else if (x->end == PMT_END_UNTRACED)
        snprintf(out, size, _("END of the trace"));
    else if (x->end == PMT_END_UNKNOWN)
        snprintf(out, size, _("ENDED"));
    else if (name)
        snprintf(out, size, _("KILLED by SIG%s"), name);
    else if (x->signal)
        snprintf(out, size, _("KILLED by signal %" PRIu32), x->signal);
    else
        snprintf(out, size, _("EXIT %" PRId32), x->status);
}

size_t end_changes(const struct ledger *g, char *out, size_t size)
{
    int used = snprintf(out, size, _("%" PRIu64 " change%s of the map"), g->changes,
                        g->changes == 1 ? "" : "s");
    if (g->unexplained)
        used += snprintf(out + used, size - (size_t)used, _(", %" PRIu64 " of them UNEXPLAINED"),
                         g->unexplained);
    else
        used += snprintf(out + used, size - (size_t)used, _(", all explained"));
    return (size_t)used;
}

void end_heap_kept(const struct model *m, const struct heap_use *use, char *out, size_t size)
{
    char caller[256], behind[TEXT_SIZE], trim[TEXT_SIZE];
    uint64_t threshold = m->image->thresholds.trim;
    out[0] = '\0';
    if (heap_use_is_pinned(m->image, use)) {
        bool known = caller_text(m, use->last->stack_id, caller, sizeof caller);
        snprintf(out, size,
                 _(". 0x%" PRIx64
                   "%s%s lies at its end: so malloc could not give back what is free "
                   "below"),
                 use->last->addr, known ? _(", from ") : "", known ? caller : "");
    } else if (use->behind < m->image->page_size) {
        return;
    } else if (use->behind < threshold) {
        snprintf(out, size,
                 _("; %s at its end are free: malloc gives back from %s on (trim threshold)"),
                 text_size(behind, use->behind), text_size(trim, threshold));
    } else {
        /* glibc, malloc/malloc.c, _int_free(): FASTBIN_CONSOLIDATION_THRESHOLD */
        snprintf(out, size,
                 _("; free looks whether to give memory back only when a piece of 64K or more "
                   "has become free"));
    }
}
