/* The story of the map, for people: what was there, each change with what caused it and why, what
 * is left. */
#include "runner/base/memory.h"
#include "runner/base/translate.h"
#include "runner/views/timeline_change.h"
#include "runner/views/timeline_end.h"
#include "runner/views/timeline_event.h"
#include "runner/views/timeline_fatal.h"
#include "runner/views/timeline_fold.h"
#include "runner/views/timeline_image.h"
#include "runner/views/views.h"
#include <inttypes.h>

static void on_event(struct view *view, const struct model *m, const struct event *event,
                     unsigned changes)
{
    struct timeline *t = (struct timeline *)view;
    timeline_enter(t, m);
    switch (event->record->type) {
    case PMT_RECORD_ALLOC:
        return timeline_event_alloc(t, m, event, changes);
    case PMT_RECORD_PROCESS:
        return timeline_image_begins(t, m, event);
    case PMT_RECORD_SNAPSHOT:
        return timeline_image_mapped(t, m, event);
    case PMT_RECORD_KERNEL:
        return timeline_event_kernel(t, m, event);
    case PMT_RECORD_MALLOPT:
        return timeline_event_mallopt(t, m, event);
    case PMT_RECORD_EXEC:
        return timeline_event_exec(t, m, event);
    case PMT_RECORD_THREAD:
        return timeline_event_thread(t, m, event);
    case PMT_RECORD_FORK:
        return timeline_event_fork(t, m, event);
    case PMT_RECORD_UNFOLLOWED:
        return timeline_event_unfollowed(t, m, event);
    case PMT_RECORD_FORBIDDEN:
        return timeline_event_forbidden(t, m, event);
    case PMT_RECORD_UNSEEN:
        return timeline_event_unseen(t, m, event);
    case PMT_RECORD_FATAL:
        return timeline_fatal(t, m, event);
    case PMT_RECORD_LOSS:
        return timeline_event_loss(t, m, event);
    case PMT_RECORD_EXIT:
        timeline_end(t, m, event);
        fflush(t->lines.out); /* a summary may follow */
        return;
    }
}

static void on_threshold(struct view *view, const struct model *m,
                         const struct threshold *threshold)
{
    struct timeline *t = (struct timeline *)view;
    timeline_enter(t, m);
    t->shown->threshold_moved = true;
    t->shown->threshold_seq = threshold->seq;
    if (threshold->call == PMT_CALL_NONE)
        timeline_threshold(t, m);
}

static void on_forget(struct view *view, const struct model *m)
{
    struct timeline *t = (struct timeline *)view;
    timeline_enter(t, m);
    if (!m->image->ended)
        timeline_end_missing(t, m);
    memory_put(t->shown->exec_path);
    timeline_fold_forget(t->shown);
    memory_put(t->shown);
    t->shown = NULL;
}

/* Of the stream that the lines are printed to. It prints a buffer whenever that is full, and says
 * how that went to nobody: so this notes it. */
static ssize_t on_write(void *cookie, const char *bytes, size_t size)
{
    output_write(cookie, bytes, size);
    return (ssize_t)size;
}

static void on_flush(struct view *view)
{
    fflush(((struct timeline *)view)->lines.out);
}

static int on_close(struct view *view, const struct model *m)
{
    struct timeline *t = (struct timeline *)view;
    char text[200];
    if (m->ignored) {
        snprintf(text, sizeof text, _("%" PRIu64 " events of unknown processes were ignored"),
                 m->ignored);
        timeline_indented(t, text, STYLE_RED);
    }
    fclose(t->lines.out);
    int error = output_close(&t->output);
    memory_put(t);
    return error;
}

struct view *timeline_view_new(const struct output *output)
{
    struct timeline *t = memory_get(sizeof *t);
    FILE *out = fopencookie(&t->output, "w", (cookie_io_functions_t){.write = on_write});
    if (!out) {
        memory_put(t);
        return NULL;
    }
    t->view = (struct view){.event = on_event,
                            .change = timeline_change_region,
                            .library = timeline_change_library,
                            .threshold = on_threshold,
                            .forget = on_forget,
                            .flush = on_flush,
                            .close = on_close};
    t->lines = (struct lines){
        .out = out, .color = output->color, .width = output->width, .address_width = 8};
    t->output = *output;
    setvbuf(out, t->buffer, _IOFBF, sizeof t->buffer);
    return &t->view;
}
