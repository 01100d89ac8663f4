/* Sizes of blocks against malloc's thresholds: one screen at the end of each process image. */
#include "runner/base/memory.h"
#include "runner/views/thresholds_json.h"
#include "runner/views/thresholds_sums.h"
#include "runner/views/thresholds_text.h"
#include "runner/views/views.h"
#include <stdlib.h>

struct thresholds_view {
    struct view view;
    struct output output;
};

static struct thresholds_sums *noted(struct view *view, const struct model *m)
{
    struct thresholds_sums **s = (struct thresholds_sums **)&m->image->shown[view->index];
    if (!*s)
        *s = memory_get(sizeof **s);
    return *s;
}

static void tell(struct thresholds_view *v, const struct model *m)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return;
    if (v->output.json)
        thresholds_json(out, m, noted(&v->view, m));
    else
        thresholds_text(out, &v->output, m, noted(&v->view, m));
    fclose(out);
    output_write(&v->output, text, size);
    free(text);
}

/* Of a program that only executed another one people do not want to see anything. */
static bool goes_on(const struct event *event)
{
    return ((const struct pmt_exit *)event->record)->end == PMT_END_EXEC;
}

static void on_event(struct view *view, const struct model *m, const struct event *event,
                     unsigned changes)
{
    struct thresholds_view *v = (struct thresholds_view *)view;
    (void)changes;
    if (event->record->type == PMT_RECORD_PROCESS)
        thresholds_begin(noted(view, m), m->image);
    else if (event->record->type == PMT_RECORD_ALLOC)
        thresholds_note_call(noted(view, m), m, event);
    else if (event->record->type == PMT_RECORD_EXIT &&
             (!goes_on(event) || v->output.json || v->output.all))
        tell(v, m);
}

static void on_change(struct view *view, const struct model *m, const struct change *change)
{
    (void)view;
    (void)m;
    (void)change;
}

static void on_threshold(struct view *view, const struct model *m,
                         const struct threshold *threshold)
{
    thresholds_note_move(noted(view, m), m->image, threshold);
}

static void on_forget(struct view *view, const struct model *m)
{
    if (!m->image->ended)
        tell((struct thresholds_view *)view, m);
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
    struct thresholds_view *v = (struct thresholds_view *)view;
    int error = output_close(&v->output);
    memory_put(v);
    return error;
}

struct view *thresholds_view_new(const struct output *output)
{
    struct thresholds_view *v = memory_get(sizeof *v);
    v->output = *output;
    v->view = (struct view){.event = on_event,
                            .change = on_change,
                            .threshold = on_threshold,
                            .forget = on_forget,
                            .flush = on_flush,
                            .close = on_close};
    return &v->view;
}
