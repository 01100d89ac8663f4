#include "runner/views/summary_json.h"
#include "runner/base/memory.h"
#include "runner/base/translate.h"
#include "runner/views/caller.h"
#include "runner/views/end_words.h"
#include "runner/views/html_json.h"
#include "runner/views/summary_places.h"
#include "schemas/names.h"
#include <inttypes.h>
#include <string.h>

static void put_caller(FILE *out, const struct model *m, uint32_t stack_id)
{
    char caller[1000];
    if (caller_text(m, stack_id, caller, sizeof caller))
        html_key_text(out, ",\"caller\":", caller);
}

static void put_peak(FILE *out, const struct model *m, const struct summary_peak *peak)
{
    fprintf(out, "{\"bytes\":%" PRIu64 ",\"t_ns\":%" PRIu64, peak->bytes, peak->t_ns);
    if (peak->t_ns) {
        html_key_text(out, ",\"call\":", cause_name(&peak->cause));
        put_caller(out, m, peak->cause.stack_id);
    }
    fputc('}', out);
}

static void put_total(FILE *out, const char *key, const struct total *total)
{
    fprintf(out, "%s{\"regions\":%" PRIu64 ",\"bytes\":%" PRIu64 "}", key, total->regions,
            total->bytes);
}

static void put_end(FILE *out, const struct event *event)
{
    const struct pmt_exit *x = event ? (const struct pmt_exit *)event->record : NULL;
    char title[60];
    if (!x) {
        fputs(",\"end\":null", out);
        return;
    }
    translate_hold(true);
    end_title(x, title, sizeof title);
    translate_hold(false);
    html_key_text(out, ",\"end\":", title);
    fprintf(out, ",\"t_ns\":%" PRIu64, event->t_ns);
}

static void put_ledger(FILE *out, const struct ledger *g)
{
    fprintf(out,
            ",\"changes\":%" PRIu64 ",\"unexplained\":%" PRIu64 ",\"lost\":%" PRIu64
            ",\"unfollowed\":%" PRIu64,
            g->changes, g->unexplained, g->lost, g->unfollowed);
}

static void put_map(FILE *out, const struct model *m, const struct summary *s)
{
    struct totals now = regions_totals(&m->image->map);
    put_total(out, ",\"map\":{\"start\":", &s->at_start.program);
    put_total(out, ",\"end\":", &now.program);
    fputs(",\"most\":", out);
    put_peak(out, m, &s->most_mapped);
    fputc('}', out);
}

static void put_heap(FILE *out, const struct model *m, const struct summary *s)
{
    struct heap_use use;
    fprintf(out, ",\"heap\":{\"bytes\":%" PRIu64 ",\"sizes\":[", s->heap);
    for (size_t i = 0; i < SUMMARY_HEAPS && i < s->heap_changes; i++)
        fprintf(out, "%s%" PRIu64, i ? "," : "", s->heaps[i]);
    fprintf(out, "],\"changes\":%" PRIu64 ",\"most\":", s->heap_changes);
    put_peak(out, m, &s->most_heap);
    if (heap_use_of(m->image, &use)) {
        fprintf(out, ",\"blocks\":%" PRIu64 ",\"used\":%" PRIu64, use.blocks, use.used);
        if (heap_use_is_pinned(m->image, &use)) {
            fprintf(out, ",\"pinned_by\":{\"addr\":\"0x%" PRIx64 "\",\"size\":%" PRIu64,
                    use.last->addr, use.last->size);
            put_caller(out, m, use.last->stack_id);
            fputc('}', out);
        }
    }
    fputc('}', out);
}

static void put_malloc(FILE *out, const struct model *m)
{
    const struct image *image = m->image;
    const struct ledger *g = &image->ledger;
    const struct callers *c = image->callers;
    if (image->blind) {
        fputs(",\"malloc\":null", out);
        return;
    }
    fprintf(out,
            ",\"malloc\":{\"calls\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"frees\":%" PRIu64
            ",\"live\":%zu,\"live_bytes\":%" PRIu64 ",\"heap\":%" PRIu64 ",\"mmap\":%" PRIu64
            ",\"arena\":%" PRIu64 ",\"most\":{\"bytes\":%" PRIu64 ",\"t_ns\":%" PRIu64,
            g->allocations, g->bytes, g->frees, image->allocations.count, image->allocations.bytes,
            c->placed[CALLERS_HEAP], c->placed[CALLERS_MMAP], c->placed[CALLERS_ARENA], c->most,
            c->most_ns);
    put_caller(out, m, c->most_stack);
    fputs("}}", out);
}

static void put_thresholds(FILE *out, const struct model *m, const struct summary *s)
{
    const struct thresholds *now = &m->image->thresholds;
    if (!now->mmap) {
        fputs(",\"thresholds\":null", out);
        return;
    }
    fprintf(out,
            ",\"thresholds\":{\"first\":%" PRIu64 ",\"mmap\":%" PRIu64 ",\"trim\":%" PRIu64
            ",\"moves\":%" PRIu64 "}",
            s->first_threshold, now->mmap, now->trim, s->threshold_moves);
}

static void put_movers(FILE *out, const struct summary *s)
{
    const char *comma = "";
    fputs(",\"changes_by\":[", out);
    for (unsigned i = 0; i < SUMMARY_MOVERS; i++) {
        const struct summary_mover *mover = &s->movers[i];
        if (!mover->count)
            continue;
        fputs(comma, out);
        html_key_text(out, "{\"call\":", mover->call);
        if (mover->kernel)
            html_key_text(out, ",\"kernel\":", mover->kernel);
        fprintf(out, ",\"changes\":%" PRIu64 "}", mover->count);
        comma = ",";
    }
    fputc(']', out);
}

static void put_places(FILE *out, const char *key, struct summary_places places)
{
    fputs(key, out);
    for (size_t i = 0; i < places.count; i++) {
        const struct summary_place *p = &places.items[i];
        html_key_text(out, i ? ",{\"place\":" : "{\"place\":", p->text);
        fprintf(out, ",\"calls\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"changes\":%" PRIu64 "}",
                p->calls, p->bytes, p->changes);
    }
    fputc(']', out);
    memory_put(places.items);
}

void summary_json(FILE *out, const struct model *m, const struct summary *s,
                  const struct event *exit)
{
    const struct image *image = m->image;
    fprintf(out, "{\"summary\":1,\"pid\":%" PRIu32 ",\"image\":%" PRIu32 ",\"class\":%u",
            image->pid, image->number, image->word_size * 8);
    html_key_text(out, ",\"exe\":", image->exe);
    put_end(out, exit);
    put_ledger(out, &image->ledger);
    put_map(out, m, s);
    put_heap(out, m, s);
    put_malloc(out, m);
    put_thresholds(out, m, s);
    put_movers(out, s);
    put_places(out, ",\"callers\":[", summary_callers(m, SIZE_MAX));
    put_places(out, ",\"unfreed\":[", summary_unfreed(m, SIZE_MAX));
    fputs("}\n", out);
}
