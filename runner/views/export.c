#include "runner/views/export.h"
#include "runner/base/memory.h"
#include "runner/views/export_folded.h"
#include "runner/views/export_massif.h"
#include "runner/views/export_perfetto.h"
#include "runner/views/export_pprof.h"
#include <stdlib.h>

/* All but perfetto are about the first program: the last image of the first process. */
struct export_view {
    struct view view;
    struct output output;
    enum export_format format;
    uint32_t image; /* 0: none yet */
    struct export_sums sums;
    struct export_perfetto *perfetto; /* or NULL */
};

const char *export_format_name(unsigned format)
{
#define FORMAT_NAME(name, text) text,
    static const char *const names[] = {EXPORT_FORMATS(FORMAT_NAME)};
    return names[format];
}

static void on_process(struct export_view *v, const struct image *image)
{
    if (v->image && (!image->of_first || image->origin != PMT_ORIGIN_EXEC))
        return;
    export_sums_free(&v->sums);
    v->image = image->number;
}

static void on_event(struct view *view, const struct model *m, const struct event *event,
                     unsigned changes)
{
    struct export_view *v = (struct export_view *)view;
    (void)changes;
    if (v->perfetto)
        return export_perfetto_event(v->perfetto, m, event);
    if (event->record->type == PMT_RECORD_PROCESS)
        on_process(v, m->image);
    else if (event->record->type == PMT_RECORD_SNAPSHOT && m->image->number == v->image)
        export_sums_look(&v->sums, m);
    else if (event->record->type == PMT_RECORD_ALLOC && m->image->number == v->image)
        export_sums_call(&v->sums, m, event);
}

static void on_change(struct view *view, const struct model *m, const struct change *change)
{
    struct export_view *v = (struct export_view *)view;
    if (v->perfetto)
        export_perfetto_change(v->perfetto, m, change);
    else if (m->image->number == v->image)
        export_sums_change(&v->sums, m, change);
}

static void on_threshold(struct view *view, const struct model *m,
                         const struct threshold *threshold)
{
    struct export_view *v = (struct export_view *)view;
    if (v->perfetto)
        export_perfetto_threshold(v->perfetto, m, threshold);
}

static void write_pprof(struct export_view *v, const struct model *m)
{
    size_t size = 0;
    char *bytes = export_pprof(m, &v->sums, v->sums.now.t_ns, &size);
    if (bytes)
        output_write(&v->output, bytes, size);
    memory_put(bytes);
}

static void write_text(struct export_view *v, const struct model *m)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return;
    if (v->format == EXPORT_MASSIF)
        export_massif(out, m, &v->sums);
    else
        export_folded(out, m, &v->sums,
                      v->format == EXPORT_FOLDED_PEAK     ? EXPORT_PEAK
                      : v->format == EXPORT_FOLDED_GROWTH ? EXPORT_GROWTH
                                                          : EXPORT_LIVE);
    fclose(out);
    output_write(&v->output, text, size);
    free(text);
}

/* An image that only executed another one is not the program that is meant. */
static void on_forget(struct view *view, const struct model *m)
{
    struct export_view *v = (struct export_view *)view;
    if (v->perfetto)
        return export_perfetto_forget(v->perfetto, m);
    if (m->image->number != v->image || m->image->executed)
        return;
    export_sums_end(&v->sums, m->image->ledger.call_ns);
    if (v->format == EXPORT_PPROF)
        write_pprof(v, m);
    else
        write_text(v, m);
}

static void on_flush(struct view *view)
{
    (void)view;
}

static int on_close(struct view *view, const struct model *m)
{
    (void)m;
    struct export_view *v = (struct export_view *)view;
    export_perfetto_free(v->perfetto);
    export_sums_free(&v->sums);
    int error = output_close(&v->output);
    memory_put(v);
    return error;
}

struct view *export_view_new(const struct output *output, enum export_format format)
{
    struct export_view *v = memory_get(sizeof *v);
    v->output = *output;
    v->format = format;
    if (format == EXPORT_PERFETTO)
        v->perfetto = export_perfetto_new(&v->output);
    v->view = (struct view){.event = on_event,
                            .change = on_change,
                            .threshold = on_threshold,
                            .forget = on_forget,
                            .flush = on_flush,
                            .close = on_close};
    return &v->view;
}
