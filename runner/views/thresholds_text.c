#include "runner/views/thresholds_text.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/views/caller.h"
#include "runner/views/line.h"
#include "schemas/names.h"
#include <inttypes.h>
#include <string.h>

#define MOVES_SHOWN 8u
#define LABEL 7u   /* columns of a size */
#define COUNTS 27u /* ... and of the numbers on the right */

/* What is drawn. */
struct glyphs {
    const char *place[1u << PLACE_COUNT]; /* by the bits of struct thresholds_class */
    const char *line, *blank;
};

static const struct glyphs unicode = {
    .place = {" ", "·", "◆", "◈", "▲", "▲", "◈", "◈"}, .line = "─", .blank = " "};
static const struct glyphs ascii = {
    .place = {" ", ".", "#", "*", "a", "a", "*", "*"}, .line = "-", .blank = " "};

static void put_line(struct lines *l, const char *text, enum style style)
{
    line_indent(l);
    line_wrap(l, text, style);
}

/* ---- the moves ---- */

static void put_move(struct lines *l, const struct model *m, const struct thresholds_move *move,
                     bool first)
{
    char text[400], size[TEXT_SIZE], trim[TEXT_SIZE], caller[300];
    bool known = !first && caller_text(m, move->stack_id, caller, sizeof caller);
    line_time(l, move->t_ns);
    snprintf(text, sizeof text, _("%-6s (trim threshold %s)  %s%s%s"), text_size(size, move->mmap),
             text_size(trim, move->trim),
             first        ? _("at START")
             : move->call ? names_call(move->call)
                          : "mallopt",
             known ? ", " : "", known ? caller : "");
    line_wrap(l, text, STYLE_PLAIN);
}

static void put_moves(struct lines *l, const struct model *m, const struct thresholds_sums *s)
{
    uint64_t kept = s->move_count < THRESHOLDS_MOVES ? s->move_count : THRESHOLDS_MOVES;
    char text[100];
    put_line(l, _("the mmap threshold, from when on:"), STYLE_DIM);
    for (uint64_t i = 0; i < kept && i < MOVES_SHOWN; i++)
        put_move(l, m, &s->moves[i], i == 0);
    if (s->move_count <= MOVES_SHOWN)
        return;
    snprintf(text, sizeof text, _("... moved %" PRIu64 " times more"), s->move_count - MOVES_SHOWN);
    put_line(l, text, STYLE_DIM);
}

/* ---- the picture ---- */

/* The threshold in the middle of a column. */
static uint64_t threshold_at(const struct thresholds_sums *s, uint64_t t_ns)
{
    uint64_t kept = s->move_count < THRESHOLDS_MOVES ? s->move_count : THRESHOLDS_MOVES;
    uint64_t threshold = s->moves[0].mmap;
    for (uint64_t i = 1; i < kept && s->moves[i].t_ns <= t_ns; i++)
        threshold = s->moves[i].mmap;
    return threshold;
}

static unsigned columns_used(const struct thresholds_sums *s)
{
    uint64_t used = s->last_ns / s->column_ns + 1;
    return used < THRESHOLDS_COLUMNS ? (unsigned)used : THRESHOLDS_COLUMNS;
}

/* What lies in column `x` of `width`. */
static unsigned seen_at(const struct thresholds_sums *s, unsigned class, unsigned x, unsigned width)
{
    unsigned used = columns_used(s), from = x * used / width, to = (x + 1) * used / width;
    unsigned seen = 0;
    for (unsigned i = from; i < to || i == from; i++)
        seen |= s->classes[class].seen[i];
    return seen;
}

static void put_row(struct lines *l, const struct thresholds_sums *s, unsigned class,
                    unsigned width, const struct glyphs *g)
{
    static const enum style styles[] = {STYLE_PLAIN, STYLE_GREEN, STYLE_YELLOW, STYLE_YELLOW,
                                        STYLE_BLUE,  STYLE_BLUE,  STYLE_YELLOW, STYLE_YELLOW};
    const uint64_t *n = s->classes[class].blocks;
    char size[TEXT_SIZE];
    fprintf(l->out, "%*s ", (int)LABEL, text_size(size, class ? (uint64_t)1 << class : 0));
    for (unsigned x = 0; x < width; x++) {
        unsigned seen = seen_at(s, class, x, width);
        uint64_t t_ns = (2 * x + 1) * columns_used(s) * s->column_ns / (2 * width);
        bool here = thresholds_class(threshold_at(s, t_ns)) == class;
        line_style(l, seen ? styles[seen] : STYLE_DIM);
        fputs(seen ? g->place[seen] : here ? g->line : g->blank, l->out);
        line_style(l, STYLE_PLAIN);
    }
    for (unsigned i = 0; i < PLACE_COUNT; i++)
        if (n[i])
            fprintf(l->out, "%9" PRIu64, n[i]);
        else
            fprintf(l->out, "%9s", "");
    fputc('\n', l->out);
}

static void put_picture(struct lines *l, const struct thresholds_sums *s, const struct glyphs *g)
{
    unsigned width = l->width > LABEL + COUNTS + 20 ? l->width - LABEL - COUNTS - 1 : 20;
    unsigned low = THRESHOLDS_CLASSES, high = 0;
    for (unsigned i = 0; i < THRESHOLDS_CLASSES; i++) {
        const uint64_t *n = s->classes[i].blocks;
        bool any = n[PLACE_HEAP] || n[PLACE_MMAP] || n[PLACE_ARENA];
        low = any && i < low ? i : low;
        high = any ? i : high;
    }
    if (low == THRESHOLDS_CLASSES)
        return put_line(l, _("no blocks"), STYLE_PLAIN);
    unsigned line = thresholds_class(s->moves[0].mmap);
    high = line > high && line < high + 3 ? line : high;
    line_style(l, STYLE_DIM);
    fprintf(l->out, "\n%*s %-*s%9s%9s%9s\n", (int)LABEL, _("bytes"), (int)width, _("time ->"),
            "heap", "mmap", "arena");
    line_style(l, STYLE_PLAIN);
    for (unsigned i = high + 1; i-- > low;)
        put_row(l, s, i, width, g);
    line_style(l, STYLE_DIM);
    fprintf(l->out,
            _("%*s %s heap  %s pages of its own  %s arena  %s several  %s mmap threshold\n"),
            (int)LABEL, "", g->place[1], g->place[2], g->place[4], g->place[3], g->line);
    line_style(l, STYLE_PLAIN);
}

/* ---- what went the other way ---- */

static void put_other(struct lines *l, const struct model *m, const struct thresholds_other *o)
{
    static const char *const where[PLACE_COUNT] = {N_("in the heap"), N_("in pages of its own"),
                                                   N_("in an arena")};
    char text[200], caller[300], threshold[TEXT_SIZE];
    line_time(l, o->t_ns);
    snprintf(text, sizeof text, _("%" PRIu64 " bytes %s, threshold %s"), o->size,
             _(where[o->place]), text_size(threshold, o->threshold));
    caller_text(m, o->stack_id, caller, sizeof caller);
    line_call(l, text, caller);
    put_line(l, o->why[0] ? o->why : _("no reason is known"), STYLE_DIM);
}

static void put_others(struct lines *l, const struct output *output, const struct model *m,
                       const struct thresholds_sums *s)
{
    uint64_t most = output->all ? THRESHOLDS_OTHERS : 5;
    char text[200];
    fputc('\n', l->out);
    if (!s->other_count)
        return put_line(l, _("every block lies where its size says"), STYLE_PLAIN);
    snprintf(text, sizeof text, _("%" PRIu64 " block%s not where the size says:"), s->other_count,
             s->other_count == 1 ? _(" is") : _("s are"));
    put_line(l, text, STYLE_BOLD);
    for (uint64_t i = 0; i < s->other_count && i < most; i++)
        put_other(l, m, &s->others[i]);
    if (s->other_count > most) {
        snprintf(text, sizeof text, _("... and %" PRIu64 " more"), s->other_count - most);
        put_line(l, text, STYLE_DIM);
    }
}

void thresholds_text(FILE *out, const struct output *output, const struct model *m,
                     const struct thresholds_sums *s)
{
    struct lines l = {.out = out, .color = output->color, .width = output_width(output)};
    const char *exe = basename(m->image->exe);
    char text[240];
    fputc('\n', out);
    line_style(&l, STYLE_BOLD);
    fprintf(out, "%-*s", LINE_INDENT, _("THRESHOLDS"));
    text_escape(out, exe, strlen(exe), 40);
    line_style(&l, STYLE_PLAIN);
    fprintf(out, _("  pid %" PRIu32 ", %u bit\n"), m->image->pid, m->image->word_size * 8);
    if (!m->image->thresholds.mmap)
        return put_line(&l,
                        m->image->blind ? _("calls of malloc could not be seen")
                                        : _("another malloc than glibc's: it has no such "
                                            "threshold that is known"),
                        STYLE_PLAIN);
    put_moves(&l, m, s);
    put_picture(&l, s, output->ascii ? &ascii : &unicode);
    put_others(&l, output, m, s);
    if (s->unknown) {
        snprintf(text, sizeof text, _("of %" PRIu64 " blocks it is not known where they lie"),
                 s->unknown);
        put_line(&l, text, STYLE_PLAIN);
    }
}
