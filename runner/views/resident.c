/* How much of the map is in memory: one screen at the end of each process image of which that is
 * known. */
#include "runner/base/memory.h"
#include "runner/views/resident_text.h"
#include "runner/views/views.h"
#include <stdlib.h>

struct resident_view {
    struct view view;
    struct output output;
    bool told;
};

static struct resident_rows *noted(struct view *view, const struct model *m)
{
    struct resident_rows **s = (struct resident_rows **)&m->image->shown[view->index];
    if (!*s)
        *s = memory_get(sizeof **s);
    return *s;
}

/* Nothing is known of images but the first; but of that one this is said. */
static void tell(struct resident_view *v, const struct model *m, const struct event *exit)
{
    char *text = NULL;
    size_t size = 0;
    const struct resident_rows *rows = noted(&v->view, m);
    bool goes_on = exit && ((const struct pmt_exit *)exit->record)->end == PMT_END_EXEC;
    if (!rows->count && (v->told || goes_on))
        return;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return;
    resident_text(out, &v->output, m, rows, exit);
    fclose(out);
    output_write(&v->output, text, size);
    free(text);
    v->told = true;
}

static void on_event(struct view *view, const struct model *m, const struct event *event,
                     unsigned changes)
{
    struct resident_view *v = (struct resident_view *)view;
    (void)changes;
    if (event->record->type == PMT_RECORD_PROCESS)
        m->image->skipped_by |= 1u << view->index;
    else if (event->record->type == PMT_RECORD_RESIDENT)
        resident_rows_add(noted(view, m), m, (const struct pmt_resident *)event->record);
    else if (event->record->type == PMT_RECORD_EXIT)
        tell(v, m, event);
}

static void on_change(struct view *view, const struct model *m, const struct change *change)
{
    (void)view;
    (void)m;
    (void)change;
}

static void on_forget(struct view *view, const struct model *m)
{
    if (!m->image->ended)
        tell((struct resident_view *)view, m, NULL);
    resident_rows_free(noted(view, m));
    memory_put(m->image->shown[view->index]);
    m->image->shown[view->index] = NULL;
}

static void on_flush(struct view *view)
{
    (void)view;
}

static int on_close(struct view *view, const struct model *m)
{
    (void)m;
    struct resident_view *v = (struct resident_view *)view;
    int error = output_close(&v->output);
    memory_put(v);
    return error;
}

struct view *resident_view_new(const struct output *output)
{
    struct resident_view *v = memory_get(sizeof *v);
    v->output = *output;
    v->view = (struct view){.event = on_event,
                            .change = on_change,
                            .forget = on_forget,
                            .flush = on_flush,
                            .close = on_close};
    return &v->view;
}
