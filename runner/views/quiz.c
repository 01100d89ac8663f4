/* The questions of the lab for the very program, with question marks or with answers: one screen at
 * the end of the first image that variables are known of. */
#include "runner/base/memory.h"
#include "runner/views/quiz_text.h"
#include "runner/views/views.h"
#include <stdlib.h>

struct quiz_view {
    struct view view;
    struct output output;
    bool told;
};

static struct quiz *noted(struct view *view, const struct model *m)
{
    struct quiz **q = (struct quiz **)&m->image->shown[view->index];
    if (!*q)
        *q = memory_get(sizeof **q);
    return *q;
}

static void tell(struct quiz_view *v, const struct model *m, const struct event *exit)
{
    char *text = NULL;
    size_t size = 0;
    const struct quiz *q = noted(&v->view, m);
    bool goes_on = exit && ((const struct pmt_exit *)exit->record)->end == PMT_END_EXEC;
    FILE *out = goes_on || (v->told && !q->rows.count) ? NULL : open_memstream(&text, &size);
    if (!out)
        return;
    quiz_text(out, &v->output, m, q);
    fclose(out);
    output_write(&v->output, text, size);
    free(text);
    v->told = true;
}

static void on_event(struct view *view, const struct model *m, const struct event *event,
                     unsigned changes)
{
    struct quiz_view *v = (struct quiz_view *)view;
    (void)changes;
    if (event->record->type == PMT_RECORD_SNAPSHOT)
        quiz_note_look(noted(view, m), m, event);
    else if (event->record->type == PMT_RECORD_VARIABLE)
        where_rows_add(&noted(view, m)->rows, m, (const struct pmt_variable *)event->record, NULL);
    else if (event->record->type == PMT_RECORD_ALLOC)
        quiz_note_call(noted(view, m), (const struct pmt_alloc *)event->record);
    else if (event->record->type == PMT_RECORD_EXIT)
        tell(v, m, event);
}

static void on_change(struct view *view, const struct model *m, const struct change *change)
{
    quiz_note_change(noted(view, m), m, change);
}

static void on_forget(struct view *view, const struct model *m)
{
    if (!m->image->ended)
        tell((struct quiz_view *)view, m, NULL);
    quiz_free(noted(view, m));
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
    struct quiz_view *v = (struct quiz_view *)view;
    int error = output_close(&v->output);
    memory_put(v);
    return error;
}

struct view *quiz_view_new(const struct output *output)
{
    struct quiz_view *v = memory_get(sizeof *v);
    v->output = *output;
    v->view = (struct view){.event = on_event,
                            .change = on_change,
                            .forget = on_forget,
                            .flush = on_flush,
                            .close = on_close};
    return &v->view;
}
