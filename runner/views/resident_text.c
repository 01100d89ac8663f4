#include "runner/views/resident_text.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/views/end_words.h"
#include "runner/views/line.h"
#include <inttypes.h>
#include <stdlib.h>

#define CELL 14u /* columns of a moment: "   8K of 136K" */

static void put_title(struct lines *l, const struct model *m, const struct event *exit)
{
    const struct image *image = m->image;
    char title[60];
    end_title(exit ? (const struct pmt_exit *)exit->record : NULL, title, sizeof title);
    fputc('\n', l->out);
    line_style(l, STYLE_BOLD);
    fprintf(l->out, "%-*s", LINE_INDENT, _("RESIDENT"));
    const char *exe = basename(image->exe);
    text_escape(l->out, exe, strlen(exe), 30);
    line_style(l, STYLE_PLAIN);
    fprintf(l->out, _("  pid %" PRIu32 ", %u bit  %s\n"), image->pid, image->word_size * 8, title);
    line_indent(l);
    line_wrap(
        l,
        _("How much of each region is in memory, of how much is mapped: a page takes memory when "
          "it is touched for the first time."),
        STYLE_PLAIN);
}

/* "before", and below it "map5.c:12". */
static void put_moments(struct lines *l, const struct resident_rows *rows, size_t first, size_t end,
                        int column)
{
    static const char *const words[PMT_MOMENT_COUNT] = {[PMT_MOMENT_START] = N_("START"),
                                                        [PMT_MOMENT_BEFORE] = N_("before"),
                                                        [PMT_MOMENT_AFTER] = N_("after"),
                                                        [PMT_MOMENT_EXIT] = N_("EXIT")};
    bool any = false;
    line_style(l, STYLE_DIM);
    fputc('\n', l->out);
    int used = (int)text_escape(l->out, _("region"), strlen(_("region")), 0);
    fprintf(l->out, "%*s", column - used, "");
    for (size_t i = first; i < end; i++) {
        fprintf(l->out, " %*s", (int)CELL, _(words[rows->moments[i].moment]));
        any |= rows->moments[i].label[0] != '\0';
    }
    line_end(l);
    if (!any)
        return;
    line_style(l, STYLE_DIM);
    fprintf(l->out, "%-*s", column, "");
    for (size_t i = first; i < end; i++) {
        const char *label = rows->moments[i].label;
        size_t length = strlen(label), most = CELL;
        const char *shown = length > most ? label + length - most : label;
        fprintf(l->out, " %*s", (int)(most - strlen(shown)), "");
        text_escape(l->out, shown, strlen(shown), most);
    }
    line_end(l);
}

static void put_cell(struct lines *l, const struct resident_cell *cell)
{
    char touched[TEXT_SIZE], mapped[TEXT_SIZE], text[2 * TEXT_SIZE + 8] = "-";
    if (cell->mapped)
        snprintf(text, sizeof text, _("%s of %s"),
                 cell->touched ? text_size(touched, cell->touched) : "0",
                 text_size(mapped, cell->mapped));
    fprintf(l->out, " %*s", (int)CELL, text);
}

static void put_row(struct lines *l, const struct resident_row *row, size_t first, size_t end,
                    int column)
{
    const char *what = row->is_library ? row->name : kind_name(row->kind);
    int used = fprintf(l->out, "%0*" PRIx64 " ", (int)l->address_width, row->key);
    used += (int)text_escape(l->out, what, strlen(what), (size_t)(column - used));
    fprintf(l->out, "%*s", column > used ? column - used : 0, "");
    for (size_t i = first; i < end; i++)
        put_cell(l, &row->cells[i]);
    fputc('\n', l->out);
}

static int by_key(const void *left, const void *right)
{
    const struct resident_row *a = left, *b = right;
    return (a->key > b->key) - (a->key < b->key);
}

static void put_sums(struct lines *l, const struct resident_rows *rows, size_t first, size_t end,
                     int column)
{
    line_style(l, STYLE_BOLD);
    fprintf(l->out, "%-*s", column, _("all"));
    for (size_t i = first; i < end; i++) {
        struct resident_cell sum = {0};
        for (size_t k = 0; k < rows->count; k++) {
            sum.mapped += rows->items[k].cells[i].mapped;
            sum.touched += rows->items[k].cells[i].touched;
        }
        put_cell(l, &sum);
    }
    line_end(l);
}

/* As many moments side by side as there is room for; then the same again for the next ones. */
void resident_text(FILE *out, const struct output *output, const struct model *m,
                   const struct resident_rows *rows, const struct event *exit)
{
    struct lines l = {.out = out, .color = output->color, .width = output_width(output)};
    l.address_width = m->image->word_size == 4 ? 8 : 12;
    int column = (int)l.address_width + 14;
    size_t room =
        l.width > (unsigned)column + CELL + 1 ? (l.width - (unsigned)column) / (CELL + 1) : 1;
    put_title(&l, m, exit);
    if (rows->count)
        qsort(rows->items, rows->count, sizeof *rows->items, by_key);
    for (size_t first = 0; first < rows->moment_count; first += room) {
        size_t end = first + room < rows->moment_count ? first + room : rows->moment_count;
        put_moments(&l, rows, first, end, column);
        for (size_t i = 0; i < rows->count; i++)
            put_row(&l, &rows->items[i], first, end, column);
        put_sums(&l, rows, first, end, column);
    }
    if (rows->moment_count)
        return;
    line_indent(&l);
    line_wrap(&l, _("Nothing is known: the trace was recorded without --resident."), STYLE_PLAIN);
}
