/* One run as a page of HTML: the map, the story, the source and the time, linked with each other.
 * It is about one process image, the last one of the first process: of `env X=1 ./map3` that is
 * map3. */
#include "runner/base/memory.h"
#include "runner/base/translate.h"
#include "runner/views/fatal_words.h"
#include "runner/views/html_page.h"
#include "runner/views/html_stacks.h"
#include "runner/views/html_story.h"
#include "runner/views/views.h"
#include "schemas/encode.h"
#include "schemas/names.h"
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define TITLE_SIZE 400u

struct html {
    struct view view;
    struct output output;
    uint32_t image;  /* that it is about; 0: there was none yet */
    unsigned others; /* images that it is not about */
    struct html_calls *calls;
    struct html_story story;
    struct html_part program,
        end; /* members of objects: what is known of the program, how it ended */
    struct html_part stacks;
    char title[TITLE_SIZE];
};

/* ---- the program ---- */

static void put_arguments(struct html *h, const struct image *image)
{
    FILE *out = h->program.out;
    struct encoder title;
    encode_start(&title, h->title, sizeof h->title - 1);
    fputs(",\"argv\":[", out);
    for (size_t at = 0, size; at < image->argv_size; at += size + 1) {
        size = strnlen(image->argv + at, image->argv_size - at);
        fputs(at ? "," : "", out);
        html_bytes(out, image->argv + at, size);
        encode_chars(&title, at ? " " : "");
        encode_raw(&title, image->argv + at, size);
    }
    fputc(']', out);
    *title.at = '\0';
}

static void on_process(struct html *h, const struct image *image)
{
    FILE *out = h->program.out;
    h->image = image->number;
    h->story.threshold = image->thresholds.mmap;
    fprintf(out,
            "\"pid\":%" PRIu32 ",\"class\":%u,\"pie\":%d,\"page\":%" PRIu32 ",\"backend\":\"%s\"",
            image->pid, image->word_size * 8, image->pie, image->page_size,
            names_backend(image->backend));
    html_key_text(out, ",\"exe\":", image->exe ? image->exe : "");
    html_key_text(out, ",\"libc\":", image->libc ? image->libc : "");
    if (image->blind)
        fputs(",\"blind\":1", out);
    put_arguments(h, image);
}

static void restart(struct html *h)
{
    html_story_restart(&h->story);
    html_part_restart(&h->program);
    html_part_restart(&h->end);
    html_part_restart(&h->stacks);
    html_calls_free(h->calls);
    h->calls = html_calls_new();
}

static void on_image(struct html *h, const struct image *image)
{
    h->others += h->image != 0;
    if (h->image && (!image->of_first || image->origin != PMT_ORIGIN_EXEC))
        return;
    if (h->image)
        restart(h);
    on_process(h, image);
}

/* ---- its end ---- */

static void on_fatal(struct html *h, const struct model *m, const struct pmt_fatal *f)
{
    char text[FATAL_WORDS_SIZE];
    fatal_words_headline(m, f, text, sizeof text);
    html_key_text(h->end.out, ",\"fatal\":", text);
    fatal_words_reason(m, f, text, sizeof text);
    html_key_text(h->end.out, ",\"fatal_why\":", text);
    if (f->r.stack_id)
        fprintf(h->end.out, ",\"fatal_stack\":%" PRIu32, f->r.stack_id);
}

static void on_exit_event(struct html *h, const struct event *event)
{
    const struct pmt_exit *x = (const struct pmt_exit *)event->record;
    fprintf(h->end.out, ",\"end\":\"%s\",\"t\":%" PRIu64, names_end(x->end), event->t_ns);
    if (x->signal) {
        const char *name = sigabbrev_np((int)x->signal);
        fprintf(h->end.out, ",\"signal\":\"SIG%s\"", name ? name : "");
    } else if (x->end == PMT_END_EXIT) {
        fprintf(h->end.out, ",\"status\":%" PRId32, x->status);
    }
}

static void put_sums(struct html *h, const struct image *image)
{
    const struct ledger *l = &image->ledger;
    fprintf(h->end.out,
            ",\"changes\":%" PRIu64 ",\"unexplained\":%" PRIu64 ",\"lost\":%" PRIu64
            ",\"calls\":%" PRIu64 ",\"frees\":%" PRIu64 ",\"live\":%zu,\"live_bytes\":%" PRIu64,
            l->changes, l->unexplained, l->lost, l->allocations, l->frees, image->allocations.count,
            image->allocations.bytes);
}

/* ---- the view ---- */

static void take_event(struct view *view, const struct model *m, const struct event *event,
                       unsigned changes)
{
    struct html *h = (struct html *)view;
    const struct pmt_snapshot *look = (const struct pmt_snapshot *)event->record;
    if (event->record->type == PMT_RECORD_PROCESS)
        return on_image(h, m->image);
    if (m->image->number != h->image)
        return;
    switch (event->record->type) {
    case PMT_RECORD_ALLOC:
        return html_calls_add(h->calls, m, event, changes);
    case PMT_RECORD_SNAPSHOT:
        if (look->flags & PMT_SNAPSHOT_LAST)
            html_story_start(&h->story, m, event->t_ns);
        return;
    case PMT_RECORD_THREAD:
        return html_story_thread(&h->story, m, event);
    case PMT_RECORD_FATAL:
        return on_fatal(h, m, (const struct pmt_fatal *)event->record);
    case PMT_RECORD_EXIT:
        return on_exit_event(h, event);
    }
}

/* The page has its own languages: the sentences in its data are English. */
static void on_event(struct view *view, const struct model *m, const struct event *event,
                     unsigned changes)
{
    translate_hold(true);
    take_event(view, m, event, changes);
    translate_hold(false);
}

static void on_change(struct view *view, const struct model *m, const struct change *change)
{
    struct html *h = (struct html *)view;
    translate_hold(true);
    if (m->image->number == h->image && !change->tracer)
        html_story_change(&h->story, h->calls, m, change);
    translate_hold(false);
}

static void on_threshold(struct view *view, const struct model *m,
                         const struct threshold *threshold)
{
    struct html *h = (struct html *)view;
    if (m->image->number == h->image)
        html_story_threshold(&h->story, h->calls, m, threshold->t_ns);
}

/* Names are looked up once, when all stacks are there. */
static void on_forget(struct view *view, const struct model *m)
{
    struct html *h = (struct html *)view;
    if (m->image->number != h->image)
        return;
    html_story_end(&h->story, h->calls, m);
    put_sums(h, m->image);
    html_stacks_write(h->stacks.out, m, !h->output.no_source);
}

static void on_flush(struct view *view)
{
    (void)view;
}

static void put_part(FILE *out, const char *before, struct html_part *part, const char *after)
{
    fflush(part->out);
    fputs(before, out);
    fwrite(part->text, 1, part->size, out);
    fputs(after, out);
}

static void put_all(struct html *h, FILE *out)
{
    put_part(out, "{\"format\":1,\"prog\":{", &h->program, "}");
    fprintf(out, ",\"others\":%u,\"t0\":%" PRIu64 ",\"threshold\":%" PRIu64, h->others,
            h->story.start_ns, h->story.threshold);
    put_part(out, ",\"exit\":{\"is\":1", &h->end, "}");
    put_part(out, ",\"start\":", &h->story.start, "");
    put_part(out, ",\"entries\":[", &h->story.entries, "]");
    put_part(out, ",\"steps\":[", &h->story.steps, "]");
    put_part(out, ",\"thresholds\":[", &h->story.thresholds, "]");
    put_part(out, ",\"threads\":[", &h->story.threads, "]");
    put_part(out, ",", &h->stacks, "");
    fputs(",\"ev\":", out);
    html_calls_write_index(h->calls, out);
    fputs("}", out);
}

static void html_free(struct html *h)
{
    html_story_free(&h->story);
    html_part_free(&h->program);
    html_part_free(&h->end);
    html_part_free(&h->stacks);
    html_calls_free(h->calls);
    memory_put(h);
}

static int on_close(struct view *view, const struct model *m)
{
    (void)m;
    struct html *h = (struct html *)view;
    struct html_part data = {0}, calls = {0};
    if (h->image && html_part_open(&data) && html_part_open(&calls)) {
        put_all(h, data.out);
        html_calls_write(h->calls, calls.out);
        fflush(data.out);
        fflush(calls.out);
        html_page_write(&h->output, h->title, data.text, data.size, calls.text, calls.size);
    }
    html_part_free(&data);
    html_part_free(&calls);
    int error = output_close(&h->output);
    html_free(h);
    return error;
}

struct view *html_view_new(const struct output *output)
{
    struct html *h = memory_get(sizeof *h);
    h->calls = html_calls_new();
    h->output = *output;
    h->view = (struct view){.event = on_event,
                            .change = on_change,
                            .threshold = on_threshold,
                            .forget = on_forget,
                            .flush = on_flush,
                            .close = on_close};
    if (html_story_open(&h->story) && html_part_open(&h->program) && html_part_open(&h->end) &&
        html_part_open(&h->stacks))
        return &h->view;
    html_free(h);
    return NULL;
}
