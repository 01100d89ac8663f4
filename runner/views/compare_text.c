#include "runner/views/compare_text.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/views/compare_words.h"
#include "runner/views/line.h"
#include <inttypes.h>
#include <string.h>

#define LABEL 24u
#define CELL 32u

/* What a row is made of. */
struct sheet {
    struct lines lines;
    const struct compare_column *columns;
    unsigned count, width; /* of a column */
    unsigned alike;        /* rows that were left out, as all sides have the same */
};

static void put_label(struct sheet *t, const char *label)
{
    fprintf(t->lines.out, "%-*s", (int)LABEL, label);
}

static void put_cell(struct sheet *t, const char *text, size_t length)
{
    size_t room = t->width - 1;
    size_t used = text_escape(t->lines.out, text, length < room ? length : room, room);
    fprintf(t->lines.out, "%*s", (int)(t->width - used), "");
}

static void signed_size(char *out, size_t size, uint64_t from, uint64_t to)
{
    char bytes[TEXT_SIZE];
    if (from == to)
        snprintf(out, size, "=");
    else
        snprintf(out, size, "%c%s", to > from ? '+' : '-',
                 text_size(bytes, to > from ? to - from : from - to));
}

/* A row of sizes; `extra`: a number beside each, like "3 regions"; NULL: none. */
static void put_sizes(struct sheet *t, const char *label, const uint64_t *bytes,
                      const uint64_t *extra, bool always)
{
    char cell[CELL], size[TEXT_SIZE];
    bool same = true;
    for (unsigned i = 1; i < t->count; i++)
        same = same && bytes[i] == bytes[0] && (!extra || extra[i] == extra[0]);
    if (same && !always) {
        t->alike++;
        return;
    }
    put_label(t, label);
    for (unsigned i = 0; i < t->count; i++) {
        if (extra && !extra[i])
            snprintf(cell, sizeof cell, "-");
        else if (extra)
            snprintf(cell, sizeof cell, _("%s in %" PRIu64), text_size(size, bytes[i]), extra[i]);
        else
            snprintf(cell, sizeof cell, "%s", text_size(size, bytes[i]));
        put_cell(t, cell, strlen(cell));
    }
    if (t->count == 2) {
        signed_size(cell, sizeof cell, bytes[0], bytes[1]);
        fputs(cell, t->lines.out);
    }
    fputc('\n', t->lines.out);
}

static void put_heading(struct sheet *t, const char *text)
{
    line_style(&t->lines, STYLE_BOLD);
    fprintf(t->lines.out, "%s", text);
    line_style(&t->lines, STYLE_PLAIN);
    fputc('\n', t->lines.out);
}

/* "map3 1000", of "./labs/map3 1000" */
static const char *without_folder(const char *name)
{
    const char *start = name;
    for (const char *at = name; *at && *at != ' '; at++)
        if (*at == '/' && at[1] && at[1] != ' ')
            start = at + 1;
    return start;
}

static void put_names(struct sheet *t)
{
    char text[CELL];
    fputc('\n', t->lines.out);
    line_style(&t->lines, STYLE_BOLD);
    put_label(t, _("COMPARE"));
    for (unsigned i = 0; i < t->count; i++) {
        snprintf(text, sizeof text, "%c", 'A' + (int)i);
        put_cell(t, text, strlen(text));
    }
    fputs(t->count == 2 ? "B - A\n" : "\n", t->lines.out);
    put_label(t, "");
    for (unsigned i = 0; i < t->count; i++)
        put_cell(t, without_folder(t->columns[i].name), strlen(without_folder(t->columns[i].name)));
    line_style(&t->lines, STYLE_PLAIN);
    fputc('\n', t->lines.out);
    put_label(t, _("program"));
    for (unsigned i = 0; i < t->count; i++) {
        const struct compare_side *s = t->columns[i].side;
        snprintf(text, sizeof text, _("%u-bit %s"), s->bits,
                 s->is_static ? _("static")
                 : s->pie     ? "PIE"
                              : _("fixed"));
        put_cell(t, text, strlen(text));
    }
    fputc('\n', t->lines.out);
}

/* ---- the parts ---- */

static void put_file(struct sheet *t)
{
    uint64_t sizes[4][COMPARE_MOST];
    for (unsigned i = 0; i < t->count; i++) {
        const struct compare_column *s = &t->columns[i];
        if (!s->has_sections)
            return;
        sizes[0][i] = s->file;
        sizes[1][i] = s->text;
        sizes[2][i] = s->data;
        sizes[3][i] = s->bss;
    }
    put_heading(t, _("file, as size(1) tells"));
    static const char *const names[] = {N_("  the file"), N_("  text"), N_("  data"), N_("  bss")};
    for (unsigned k = 0; k < 4; k++)
        put_sizes(t, _(names[k]), sizes[k], NULL, true);
}

static void put_map(struct sheet *t)
{
    uint64_t bytes[COMPARE_MOST], regions[COMPARE_MOST];
    char label[LABEL + 1];
    put_heading(t, _("map at the end"));
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        bool any = false;
        for (unsigned i = 0; i < t->count; i++) {
            const struct total *total = &t->columns[i].side->at_end.kinds[kind];
            bytes[i] = total->bytes;
            regions[i] = total->regions;
            any = any || total->regions;
        }
        snprintf(label, sizeof label, "  %s", kind_name((enum kind)kind));
        if (any && kind != KIND_TRACER)
            put_sizes(t, label, bytes, regions, false);
    }
    for (unsigned i = 0; i < t->count; i++) {
        bytes[i] = t->columns[i].side->at_end.program.bytes;
        regions[i] = t->columns[i].side->at_end.program.regions;
    }
    put_sizes(t, _("  all"), bytes, regions, true);
}

static void put_malloc(struct sheet *t)
{
    uint64_t asked[COMPARE_MOST], calls[COMPARE_MOST], live[COMPARE_MOST], blocks[COMPARE_MOST];
    uint64_t largest[COMPARE_MOST];
    for (unsigned i = 0; i < t->count; i++) {
        const struct compare_side *s = t->columns[i].side;
        asked[i] = s->ledger.bytes;
        calls[i] = s->ledger.allocations;
        live[i] = s->live_bytes;
        blocks[i] = s->live;
        largest[i] = s->largest;
        if (s->blind)
            return;
    }
    put_heading(t, "malloc");
    put_sizes(t, _("  asked for, in calls"), asked, calls, true);
    put_sizes(t, _("  not freed, in blocks"), live, blocks, false);
    put_sizes(t, _("  the largest block"), largest, NULL, true);
}

static const struct compare_change *same_in(const struct compare_side *s,
                                            const struct compare_change *wanted)
{
    for (unsigned i = 0; i < s->change_count; i++) {
        const struct compare_change *c = &s->changes[i];
        if (strcmp(c->call, wanted->call) == 0 && c->change == wanted->change &&
            c->kind == wanted->kind)
            return c;
    }
    return NULL;
}

/* Whether an earlier side has such changes, too: then they are told already. */
static bool is_told(const struct sheet *t, unsigned side, const struct compare_change *c)
{
    for (unsigned i = 0; i < side; i++)
        if (same_in(t->columns[i].side, c))
            return true;
    return false;
}

static void put_change(struct sheet *t, const struct compare_change *wanted)
{
    char label[80], cell[CELL], size[TEXT_SIZE];
    bool same = true;
    const struct compare_change *first = same_in(t->columns[0].side, wanted);
    for (unsigned i = 1; i < t->count; i++) {
        const struct compare_change *c = same_in(t->columns[i].side, wanted);
        same = same && first && c && c->count == first->count && c->delta == first->delta;
    }
    if (same) {
        t->alike++;
        return;
    }
    snprintf(label, sizeof label, "  %s: %s %s", wanted->call, kind_name(wanted->kind),
             wanted->change);
    if (strlen(label) >= LABEL) {
        fprintf(t->lines.out, "%s\n", label);
        label[0] = '\0';
    }
    put_label(t, label);
    for (unsigned i = 0; i < t->count; i++) {
        const struct compare_change *c = same_in(t->columns[i].side, wanted);
        if (!c)
            snprintf(cell, sizeof cell, "-");
        else if (!c->delta)
            snprintf(cell, sizeof cell, "%" PRIu64 "x", c->count);
        else
            snprintf(cell, sizeof cell, "%" PRIu64 "x %c%s", c->count, c->delta < 0 ? '-' : '+',
                     text_size(size, (uint64_t)(c->delta < 0 ? -c->delta : c->delta)));
        put_cell(t, cell, strlen(cell));
    }
    fputc('\n', t->lines.out);
}

static void put_changes(struct sheet *t)
{
    put_heading(t, _("changes of the map"));
    for (unsigned side = 0; side < t->count; side++) {
        const struct compare_side *s = t->columns[side].side;
        for (unsigned i = 0; i < s->change_count; i++)
            if (!is_told(t, side, &s->changes[i]))
                put_change(t, &s->changes[i]);
    }
}

void compare_text(FILE *out, const struct output *output, const struct compare_column *columns,
                  unsigned count)
{
    struct sheet t = {.lines = {.out = out, .color = output->color, .width = output_width(output)},
                      .columns = columns,
                      .count = count};
    unsigned cells = count == 2 ? 3 : count;
    unsigned room = t.lines.width > LABEL + 10 * cells ? t.lines.width - LABEL : 10 * cells;
    t.width = room / cells < 26 ? room / cells : 26;
    put_names(&t);
    put_file(&t);
    put_map(&t);
    put_malloc(&t);
    put_changes(&t);
    if (t.alike)
        fprintf(out, _("(%u rows are left out: the same in all)\n"), t.alike);
    put_heading(&t, _("in words"));
    compare_words(&t.lines, columns, count);
}
