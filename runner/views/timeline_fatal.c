#include "runner/views/timeline_fatal.h"
#include "runner/base/text.h"
#include "runner/views/timeline_change.h"
#include "schemas/names.h"
#include <inttypes.h>
#include <string.h>

/* "SIGSEGV: write to 0x10" */
static void headline(const struct pmt_fatal *f, uint32_t pid, char *out, size_t size)
{
    static const char *const accesses[] = {[PMT_ACCESS_READ] = "read from",
                                           [PMT_ACCESS_WRITE] = "write to",
                                           [PMT_ACCESS_EXECUTE] = "jump to",
                                           [PMT_ACCESS_UNKNOWN] = "access to"};
    int used = snprintf(out, size, "%s", names_fatal_signal(f->r.call));
    if (f->access != PMT_ACCESS_NONE)
        snprintf(out + used, size - (size_t)used, ": %s 0x%" PRIx64, accesses[f->access], f->addr);
    else if (f->sender && f->sender != pid)
        snprintf(out + used, size - (size_t)used, ": sent by process %" PRIu32, f->sender);
}

void timeline_fatal(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_fatal *f = (const struct pmt_fatal *)event->record;
    char text[160];
    timeline_change_catch_up(t, m);
    headline(f, m->image->pid, text, sizeof text);
    timeline_call(t, m, event->t_ns, text, f->r.stack_id);
}
