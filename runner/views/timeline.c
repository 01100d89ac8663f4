#include "runner/views/timeline.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/views/caller.h"
#include <inttypes.h>
#include <string.h>

void timeline_enter(struct timeline *t, const struct model *m)
{
    struct image *image = m->image;
    struct shown **shown = (struct shown **)&image->shown[t->view.index];
    if (!*shown)
        *shown = memory_get(sizeof **shown);
    if (t->shown == *shown && (t->lines.tag[0] || m->images.total == 1))
        return;
    t->shown = *shown;
    t->lines.address_width = image->word_size == 8 ? 12 : 8;
    line_set_tag(&t->lines, image->pid, m->images.total > 1 ? basename(image->exe) : NULL);
}

void timeline_time(struct timeline *t, const struct model *m, uint64_t t_ns)
{
    t->last_image = m->image->number;
    t->last_call = t->last_kernel = 0;
    t->last_is_change = false;
    t->last_why[0] = '\0';
    t->lines.width = output_width(&t->output);
    line_time(&t->lines, t_ns);
}

void timeline_indented(struct timeline *t, const char *text, enum style style)
{
    line_indent(&t->lines);
    line_wrap(&t->lines, text, style);
}

void timeline_call(struct timeline *t, const struct model *m, uint64_t t_ns, const char *left,
                   uint32_t stack_id)
{
    char caller[512];
    caller_text(m, stack_id, caller, sizeof caller);
    bool lacks = caller_lacks_line(m, stack_id);
    t->shown->lacks_lines |= lacks;
    t->shown->has_lines |= !lacks && strchr(caller, ':');
    timeline_time(t, m, t_ns);
    line_call(&t->lines, left, caller);
}

void timeline_system_call(struct timeline *t, const char *text)
{
    line_indent(&t->lines);
    line_style(&t->lines, STYLE_DIM);
    fputs("-> ", t->lines.out);
    line_style(&t->lines, STYLE_PLAIN);
    fprintf(t->lines.out, "%s\n", text);
}

void timeline_threshold(struct timeline *t, const struct model *m)
{
    char text[240], was[TEXT_SIZE], now[TEXT_SIZE];
    if (!t->shown->threshold_moved)
        return;
    t->shown->threshold_moved = false;
    if (m->image->thresholds.mmap == t->shown->threshold)
        return;
    snprintf(text, sizeof text, _("from now on the mmap threshold is %s (was %s)%s"),
             text_size(now, m->image->thresholds.mmap), text_size(was, t->shown->threshold),
             m->image->dynamic_threshold ? _(": malloc expects more blocks of that size")
                                         : _(", and stays there"));
    t->shown->threshold = m->image->thresholds.mmap;
    if (t->last_image == m->image->number)
        return timeline_indented(t, text, STYLE_DIM);
    timeline_time(t, m, m->image->ledger.call_ns);
    line_wrap(&t->lines, text, STYLE_DIM);
}
