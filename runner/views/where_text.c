#include "runner/views/where_text.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/views/end_words.h"
#include "runner/views/line.h"
#include "schemas/names.h"
#include <inttypes.h>
#include <stdlib.h>

#define ROWS_MOST 100u /* unless all are wanted */

static bool is_hidden(const struct output *output, const struct region *r)
{
    return r->tracer && !output->all;
}

/* ---- the head ---- */

static void put_title(struct lines *l, const struct model *m, const struct event *exit)
{
    const struct image *image = m->image;
    const struct region_list *map = &image->map.list;
    char title[60], bytes[TEXT_SIZE];
    end_title(exit ? (const struct pmt_exit *)exit->record : NULL, title, sizeof title);
    fputc('\n', l->out);
    line_style(l, STYLE_BOLD);
    fprintf(l->out, "%-*s", LINE_INDENT, "WHERE");
    const char *exe = basename(image->exe);
    text_escape(l->out, exe, strlen(exe), 30);
    line_style(l, STYLE_PLAIN);
    fprintf(l->out, _("  pid %" PRIu32 ", %u bit  %s\n"), image->pid, image->word_size * 8, title);
    if (!map->count)
        return;
    struct totals now = regions_totals(&image->map);
    char text[200];
    snprintf(
        text, sizeof text,
        _("addresses %0*" PRIx64 "-%0*" PRIx64 ", of which %s are mapped, in %" PRIu64 " regions"),
        (int)l->address_width, map->items[0]->raw.start, (int)l->address_width,
        map->items[map->count - 1]->raw.end, text_size(bytes, now.program.bytes),
        now.program.regions);
    line_indent(l);
    line_wrap(l, text, STYLE_PLAIN);
}

/* ---- the regions, in the words of the lab's table 1 ---- */

static const char *table_words(enum kind kind)
{
    switch (kind) {
    case KIND_CODE:
        return _("own code");
    case KIND_LIB_CODE:
        return _("library code");
    case KIND_VDSO:
        return "VDSO";
    case KIND_RODATA:
    case KIND_DATA:
    case KIND_LIB_RODATA:
    case KIND_LIB_DATA:
        return _("backed data");
    case KIND_MAPPED_FILE:
        return _("backed by file");
    case KIND_STACK:
        return _("stack");
    case KIND_THREAD_STACK:
        return _("thread's stack");
    case KIND_SHARED_MEMORY:
        return _("shared memory");
    case KIND_GUARD:
    case KIND_VVAR:
    case KIND_TRACER:
        return "-";
    default:
        return _("unbacked data");
    }
}

/* What is shared by its mark, or only read: then other processes can have the same page frames. */
static bool is_shareable(const struct region *r)
{
    bool backed = r->raw.inode || r->kind == KIND_VDSO || r->kind == KIND_VVAR;
    return (r->raw.perms & PMT_PERM_SHARED) || (backed && !(r->raw.perms & PMT_PERM_WRITE));
}

static void put_holds(struct lines *l, const struct region *r, const struct where_rows *rows)
{
    char names[300];
    size_t used = 0, left = 0;
    for (size_t i = 0; i < rows->count; i++) {
        const struct where_row *row = &rows->items[i];
        uint64_t last = row->raw.addr + (row->raw.size ? row->raw.size - 1 : 0);
        bool begins = row->raw.addr >= r->raw.start && row->raw.addr < r->raw.end;
        bool ends = last >= r->raw.start && last < r->raw.end;
        if (!row->raw.addr || (!begins && !ends))
            continue;
        if (used + strlen(row->name) + 40 > sizeof names) {
            left++;
            continue;
        }
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s%s%s", used ? ", " : "",
                                 begins ? "" : "...", row->name, ends ? "" : "...");
    }
    if (!used)
        return;
    if (left)
        snprintf(names + used, sizeof names - used, _(" and %zu more"), left);
    char *text = NULL;
    size_t size;
    FILE *escaped = open_memstream(&text, &size);
    if (!escaped)
        return;
    fputs(_("holds "), escaped);
    text_escape(escaped, names, strlen(names), 0);
    fclose(escaped);
    l->column = LINE_INDENT;
    line_indent(l);
    line_wrap(l, text, STYLE_BLUE);
    free(text);
}

static void put_regions(struct lines *l, const struct output *output, const struct model *m,
                        const struct where_rows *rows)
{
    const struct region_list *map = &m->image->map.list;
    int digits = (int)l->address_width;
    line_style(l, STYLE_DIM);
    fprintf(l->out, _("\n%-*s perm   size %-12s %-13s share file"), 2 * digits + 1, _("region"),
            _("kind"), _("table 1"));
    line_end(l);
    for (size_t i = 0; i < map->count; i++) {
        const struct region *r = map->items[i];
        char perms[4], size[TEXT_SIZE];
        if (is_hidden(output, r))
            continue;
        names_perms(perms, r->raw.perms);
        size_t column = (size_t)fprintf(
            l->out, "%0*" PRIx64 "-%0*" PRIx64 " %.4s %6s %-12s %-14s %-3s ", digits, r->raw.start,
            digits, r->raw.end, perms, text_size(size, region_size(r)), kind_name(r->kind),
            table_words(r->kind), is_shareable(r) ? _("yes") : _("no"));
        const char *name = r->path[0] == '/' ? basename(r->path) : "";
        text_escape(l->out, name, strlen(name), l->width > column + 8 ? l->width - column : 8);
        fputc('\n', l->out);
        put_holds(l, r, rows);
    }
}

/* ---- the files ---- */

static void put_file(struct lines *l, const struct region_list *map, size_t first)
{
    const struct region *file = map->items[first];
    char inode[64], text[600];
    snprintf(inode, sizeof inode, "%02" PRIx32 ":%02" PRIx32 "  %" PRIu64, file->raw.dev_major,
             file->raw.dev_minor, file->raw.inode);
    size_t used = (size_t)snprintf(text, sizeof text, "%-18s ", inode);
    for (size_t i = first; i < map->count && used < sizeof text - 30; i++)
        if (map->items[i]->raw.inode && region_same_file(map->items[i], file))
            used += (size_t)snprintf(text + used, sizeof text - used, " %" PRIx64,
                                     map->items[i]->raw.offset);
    size_t column = text_escape(l->out, file->path, strlen(file->path), 38);
    fprintf(l->out, "%*s ", column < 38 ? (int)(38 - column) : 0, "");
    l->column = 39;
    line_wrap(l, text, STYLE_PLAIN);
}

static void put_files(struct lines *l, const struct output *output, const struct model *m)
{
    const struct region_list *map = &m->image->map.list;
    line_style(l, STYLE_DIM);
    fprintf(l->out, _("\n%-38s %-18s offsets, hexadecimal"), _("backed by the file"),
            _("device and i-node"));
    line_end(l);
    for (size_t i = 0; i < map->count; i++) {
        bool is_first = map->items[i]->raw.inode && !is_hidden(output, map->items[i]);
        for (size_t k = 0; k < i && is_first; k++)
            is_first =
                !(map->items[k]->raw.inode && region_same_file(map->items[k], map->items[i]));
        if (is_first)
            put_file(l, map, i);
    }
    size_t column = text_escape(l->out, _("(no file)"), strlen(_("(no file)")), 38);
    fprintf(l->out, "%*s 00:00  0\n", (int)(38 - column), "");
}

/* ---- the variables ---- */

static void put_cell(struct lines *l, const char *text, size_t width)
{
    size_t column = text_escape(l->out, text, strlen(text), width);
    fprintf(l->out, "%*s ", column < width ? (int)(width - column) : 0, "");
}

/* Addresses of 64 bits leave less room. */
static int type_width(const struct lines *l)
{
    return l->address_width > 8 ? 12 : 14;
}

static int of_width(const struct lines *l)
{
    return l->address_width > 8 ? 9 : 10;
}

static void put_row(struct lines *l, const struct where_row *row)
{
    static const char *const of[] = {N_("global"), N_("static"), "", "", N_("function")};
    char address[24] = "";
    const bool in_function = row->function[0];
    if (row->raw.addr)
        snprintf(address, sizeof address, "%0*" PRIx64, (int)l->address_width, row->raw.addr);
    line_style(l, STYLE_BOLD);
    put_cell(l, row->name, 16);
    line_style(l, STYLE_PLAIN);
    put_cell(l, row->type, (size_t)type_width(l));
    put_cell(l, in_function ? row->function : _(of[row->raw.r.call]), (size_t)of_width(l));
    put_cell(l, row->value, 14);
    fprintf(l->out, "%-*s %s\n", (int)l->address_width, address, row->in);
    if (!row->target[0])
        return;
    fprintf(l->out, "%*s -> ", 16, "");
    text_escape(l->out, row->target, strlen(row->target), l->width > 40 ? l->width - 20 : 20);
    fputc('\n', l->out);
}

/* Fixed ones, parameters and locals, functions. */
static unsigned part_of(const struct where_row *row)
{
    if (row->raw.r.call == PMT_VARIABLE_FUNCTION)
        return 2;
    return row->raw.r.call == PMT_VARIABLE_PARAMETER || row->raw.r.call == PMT_VARIABLE_LOCAL;
}

static void put_rows(struct lines *l, const struct output *output, const struct where_rows *rows)
{
    size_t most = output->all ? SIZE_MAX : ROWS_MOST, shown = 0;
    line_style(l, STYLE_DIM);
    fprintf(l->out, _("\n%-16s %-*s %-*s %-14s %-*s in"), _("variable"), type_width(l), _("type"),
            of_width(l), _("of"), _("value"), (int)l->address_width, _("address"));
    line_end(l);
    for (unsigned part = 0; part < 3; part++)
        for (size_t i = 0; i < rows->count; i++)
            if (part_of(&rows->items[i]) == part && shown++ < most)
                put_row(l, &rows->items[i]);
    if (shown > most)
        fprintf(l->out, _("... and %zu more (--all, or --where=NAME,NAME)\n"), shown - most);
}

/* What is lacking, and what to do. */
static void put_advice(struct lines *l, const struct where_rows *rows)
{
    bool any_type = false;
    for (size_t i = 0; i < rows->count; i++)
        any_type |= rows->items[i].type[0] != '\0';
    fputc('\n', l->out);
    line_indent(l);
    l->column = LINE_INDENT;
    if (!rows->count)
        line_wrap(
            l,
            _("No names: there is no such variable, the program was stripped, or the trace was "
              "recorded without --where. Compile with -g."),
            STYLE_PLAIN);
    else if (!any_type)
        line_wrap(l,
                  _("Only what the symbols tell: compile with -g for types, values, parameters and "
                    "local variables."),
                  STYLE_PLAIN);
    else
        line_wrap(l,
                  _("Values: of globals when the program ended; of parameters and local variables "
                    "when the first call of their function returned."),
                  STYLE_DIM);
}

void where_text(FILE *out, const struct output *output, const struct model *m,
                const struct where_rows *rows, const struct event *exit)
{
    struct lines l = {.out = out, .color = output->color, .width = output_width(output)};
    l.address_width = m->image->word_size == 4 ? 8 : 12;
    put_title(&l, m, exit);
    put_regions(&l, output, m, rows);
    put_files(&l, output, m);
    if (rows->count)
        put_rows(&l, output, rows);
    put_advice(&l, rows);
}
