#include "runner/views/summary_text.h"
#include "runner/base/memory.h"
#include "runner/base/shell_word.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/views/caller.h"
#include "runner/views/end_words.h"
#include "runner/views/line.h"
#include "runner/views/summary_places.h"
#include "schemas/names.h"
#include <inttypes.h>
#include <string.h>

/* So many callers, unless all are wanted; behind a long timeline, where it is to fit on a screen.
 */
#define PLACES 5u
#define PLACES_SHORT 3u
#define TEXT_MOST 1000u

/* A name at the left, and a text that is wrapped beside it. */
static void put(struct lines *l, const char *name, const char *text)
{
    line_style(l, STYLE_BOLD);
    fprintf(l->out, "%-*s", LINE_INDENT, name);
    line_style(l, STYLE_PLAIN);
    l->column = LINE_INDENT;
    line_wrap(l, text, STYLE_PLAIN);
}

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* ---- the parts ---- */

static void put_title(struct lines *l, const struct model *m, const struct event *exit)
{
    const struct image *image = m->image;
    char title[60], changes[160];
    end_title(exit ? (const struct pmt_exit *)exit->record : NULL, title, sizeof title);
    end_changes(&image->ledger, changes, sizeof changes);
    fputc('\n', l->out);
    line_style(l, STYLE_BOLD);
    fprintf(l->out, "%-*s", LINE_INDENT, _("SUMMARY"));
    const char *exe = basename(image->exe);
    text_escape(l->out, exe, strlen(exe), 30);
    line_style(l, STYLE_PLAIN);
    char text[400];
    snprintf(text, sizeof text, _("  pid %" PRIu32 ", %u bit  %s  %.3f ms"), image->pid,
             image->word_size * 8, title, exit ? (double)exit->t_ns / 1e6 : 0.0);
    fprintf(l->out, "%s\n", text);
    line_indent(l);
    line_wrap(l, changes, image->ledger.unexplained ? STYLE_RED : STYLE_PLAIN);
}

/* "3664K at 21.699 ms (malloc, innermost many_mallocs.c:30)" */
static void peak_text(const struct model *m, const struct summary_peak *peak, char *out,
                      size_t size)
{
    char bytes[TEXT_SIZE], caller[300];
    text_size(bytes, peak->bytes);
    if (!peak->cause.kind && !peak->t_ns) {
        snprintf(out, size, _("%s, at START"), bytes);
        return;
    }
    bool known = caller_text(m, peak->cause.stack_id, caller, sizeof caller);
    snprintf(out, size, _("%s, at %.3f ms (%s%s%s)"), bytes, (double)peak->t_ns / 1e6,
             cause_name(&peak->cause), known ? ", " : "", known ? caller : "");
}

static void put_map(struct lines *l, const struct model *m, const struct summary *s)
{
    struct totals now = regions_totals(&m->image->map);
    char text[TEXT_MOST], most[500], start[TEXT_SIZE], end[TEXT_SIZE];
    peak_text(m, &s->most_mapped, most, sizeof most);
    snprintf(text, sizeof text,
             _("%s in %" PRIu64 " regions at START; %s in %" PRIu64 " at the end; most: %s"),
             text_size(start, s->at_start.program.bytes), s->at_start.program.regions,
             text_size(end, now.program.bytes), now.program.regions, most);
    put(l, _("Map"), text);
}

/* "132K > 136K > 328K": the sizes that the heap had. */
static size_t sizes_text(const struct summary *s, char *out, size_t size)
{
    char bytes[TEXT_SIZE];
    size_t used = 0, shown = s->heap_changes < SUMMARY_HEAPS ? s->heap_changes : SUMMARY_HEAPS;
    for (size_t i = 0; i < shown; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? " > " : "",
                                 text_size(bytes, s->heaps[i]));
    if (s->heap_changes > shown)
        used += (size_t)snprintf(out + used, size - used, _(" > ... > %s (%" PRIu64 " changes)"),
                                 text_size(bytes, s->heap), s->heap_changes);
    return used;
}

static void put_heap(struct lines *l, const struct model *m, const struct summary *s)
{
    struct heap_use use;
    char text[TEXT_MOST], kept[500], used[TEXT_SIZE], bytes[TEXT_SIZE];
    size_t at = sizes_text(s, text, sizeof text);
    if (!at)
        return put(l, _("Heap"), s->heap ? _("as at START") : _("none"));
    if (heap_use_of(m->image, &use)) {
        end_heap_kept(m, &use, kept, sizeof kept);
        text_size(bytes, use.bytes);
        if (use.blocks)
            snprintf(text + at, sizeof text - at,
                     _("; at the end %s of %s are in use, by %" PRIu64 " block%s%s"),
                     text_size(used, use.used), bytes, use.blocks, plural(use.blocks), kept);
        else
            snprintf(text + at, sizeof text - at, _("; at the end nothing of %s is in use%s"),
                     bytes, kept);
    }
    put(l, _("Heap"), text);
}

static size_t placed_text(const struct callers *c, char *out, size_t size)
{
    static const char *const where[CALLERS_PLACES] = {
        N_("in the heap"), N_("with pages of their own"), N_("in arenas of threads")};
    size_t used = 0;
    for (unsigned i = 0; i < CALLERS_PLACES; i++)
        if (c->placed[i])
            used += (size_t)snprintf(out + used, size - used, "%s%" PRIu64 " %s",
                                     used ? ", " : "; ", c->placed[i], _(where[i]));
    return used;
}

static void put_malloc(struct lines *l, const struct model *m)
{
    const struct image *image = m->image;
    const struct ledger *g = &image->ledger;
    const struct callers *c = image->callers;
    char text[TEXT_MOST], bytes[TEXT_SIZE], most[TEXT_SIZE], placed[200] = "", caller[300];
    if (image->blind)
        return put(l, "malloc", _("calls of malloc and free could not be seen"));
    if (!g->allocations)
        return put(l, "malloc", _("not called"));
    placed_text(c, placed, sizeof placed);
    bool known = caller_text(m, c->most_stack, caller, sizeof caller);
    snprintf(
        text, sizeof text,
        _("%" PRIu64 " allocation%s (%s), %" PRIu64 " free%s%s; most in use: %s, at %.3f ms%s%s"),
        g->allocations, plural(g->allocations), text_size(bytes, g->bytes), g->frees,
        plural(g->frees), placed, text_size(most, c->most), (double)c->most_ns / 1e6,
        known ? ", " : "", known ? caller : "");
    put(l, "malloc", text);
}

static void put_thresholds(struct lines *l, const struct model *m, const struct summary *s)
{
    const struct image *image = m->image;
    char text[TEXT_MOST], first[TEXT_SIZE], now[TEXT_SIZE], trim[TEXT_SIZE], caller[300];
    if (!image->thresholds.mmap)
        return;
    text_size(first, s->first_threshold);
    text_size(now, image->thresholds.mmap);
    text_size(trim, image->thresholds.trim);
    bool known = s->threshold_moves && caller_text(m, s->last_move.stack_id, caller, sizeof caller);
    if (s->threshold_moves)
        snprintf(text, sizeof text,
                 _("of mmap: %s, moved %" PRIu64 " time%s, now %s (%s%s%s); of trim: now %s"),
                 first, s->threshold_moves, plural(s->threshold_moves), now,
                 s->last_move.call ? names_call(s->last_move.call) : "mallopt", known ? ", " : "",
                 known ? caller : "", trim);
    else
        snprintf(text, sizeof text, _("of mmap: %s; of trim: %s; they did not move"), first, trim);
    put(l, _("Thresholds"), text);
}

static void put_movers(struct lines *l, const struct summary *s)
{
    char text[TEXT_MOST];
    size_t used = 0;
    for (unsigned i = 0; i < SUMMARY_MOVERS && used < sizeof text - 100; i++) {
        const struct summary_mover *mover = &s->movers[i];
        if (mover->count)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s%s%s %" PRIu64,
                                     used ? ", " : "", mover->call, mover->kernel ? " -> " : "",
                                     mover->kernel ? mover->kernel : "", mover->count);
    }
    put(l, _("Changes by"), used ? text : _("nobody"));
}

static void put_row(struct lines *l, const struct summary_place *p, bool with_changes,
                    const char *text)
{
    char bytes[TEXT_SIZE], changes[24] = "";
    if (with_changes)
        snprintf(changes, sizeof changes, "%8" PRIu64, p->changes);
    size_t column = (size_t)fprintf(l->out, "%18s%8" PRIu64 "%s  ", text_size(bytes, p->bytes),
                                    p->calls, changes);
    line_style(l, STYLE_BLUE);
    text_escape(l->out, text, strlen(text), l->width > column + 10 ? l->width - column : 10);
    line_style(l, STYLE_PLAIN);
    fputc('\n', l->out);
}

static void put_places(struct lines *l, const char *name, struct summary_places places,
                       bool with_changes, bool with_rest)
{
    if (!places.count)
        return memory_put(places.items);
    line_style(l, STYLE_BOLD);
    fprintf(l->out, "%-12s", name);
    line_style(l, STYLE_DIM);
    fprintf(l->out, "%6s%8s%s", _("bytes"), with_changes ? _("calls") : _("blocks"),
            with_changes ? _(" changes") : "");
    line_style(l, STYLE_PLAIN);
    fputc('\n', l->out);
    for (size_t i = 0; i < places.count; i++)
        put_row(l, &places.items[i], with_changes, places.items[i].text);
    if (places.rest.calls && with_rest)
        put_row(l, &places.rest, with_changes, _("others (--all)"));
    memory_put(places.items);
}

static void put_losses(struct lines *l, const struct image *image)
{
    char text[300];
    if (image->ledger.lost) {
        snprintf(text, sizeof text, _("%" PRIu64 " event%s: the sums are too small"),
                 image->ledger.lost, image->ledger.lost == 1 ? _(" was lost") : _("s were lost"));
        put(l, _("LOST"), text);
    }
    if (image->forbidden) {
        snprintf(text, sizeof text, _("since %.3f ms, when the program forbade it"),
                 (double)image->forbidden_ns / 1e6);
        put(l, _("NOT LOOKED AT"), text);
    }
}

void summary_text(FILE *out, const struct output *output, const struct model *m,
                  const struct summary *s, const struct event *exit)
{
    struct lines l = {.out = out, .color = output->color, .width = output_width(output)};
    size_t most = output->if_long ? PLACES_SHORT : output->all ? SIZE_MAX : PLACES;
    put_title(&l, m, exit);
    put_losses(&l, m->image);
    put_map(&l, m, s);
    put_heap(&l, m, s);
    put_malloc(&l, m);
    put_thresholds(&l, m, s);
    put_movers(&l, s);
    put_places(&l, _("Callers"), summary_callers(m, most), true, !output->if_long);
    put_places(&l, _("Not freed"), summary_unfreed(m, most), false, !output->if_long);
}
