#include "runner/views/quiz_text.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/views/line.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER 1000u

struct asker {
    struct lines lines;
    bool answers;
    unsigned number;
    const struct model *m;
    const struct quiz *q;
};

/* An answer that grows; what has no room is left out. */
struct answer {
    char text[ANSWER];
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void say(struct answer *a, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(a->text + a->used, sizeof a->text - a->used, format, arguments);
    va_end(arguments);
    a->used += length > 0 ? (size_t)length : 0;
    a->used = a->used < sizeof a->text ? a->used : sizeof a->text - 1;
}

static void ask(struct asker *k, const char *question, const struct answer *a)
{
    struct lines *l = &k->lines;
    char *text = NULL;
    size_t size;
    FILE *escaped = open_memstream(&text, &size);
    if (!escaped)
        return;
    text_escape(escaped, k->answers ? a->text : "?", k->answers ? a->used : 1, 0);
    fclose(escaped);
    fprintf(l->out, "\n%*u. ", LINE_INDENT - 2, ++k->number);
    l->column = LINE_INDENT;
    line_wrap(l, question, STYLE_BOLD);
    line_indent(l);
    line_wrap(l, *text ? text : "-", STYLE_PLAIN);
    free(text);
}

static const struct region_list *map_of(const struct asker *k)
{
    return &k->m->image->map.list;
}

static void say_ranges(const struct asker *k, struct answer *a, enum kind kind)
{
    int digits = (int)k->lines.address_width;
    for (size_t i = 0; i < map_of(k)->count; i++) {
        const struct region *r = map_of(k)->items[i];
        if (r->kind == kind)
            say(a, "%s%0*" PRIx64 "-%0*" PRIx64, a->used ? ", " : "", digits, r->raw.start, digits,
                r->raw.end);
    }
}

/* ---- the map ---- */

static void ask_addresses(struct asker *k)
{
    struct answer range = {0}, code = {0}, stack = {0}, count = {0};
    const struct region_list *map = map_of(k);
    int digits = (int)k->lines.address_width;
    struct totals now = regions_totals(&k->m->image->map);
    if (map->count)
        say(&range, "%0*" PRIx64 "-%0*" PRIx64, digits, map->items[0]->raw.start, digits,
            map->items[map->count - 1]->raw.end);
    ask(k, _("Which range of addresses does the process have?"), &range);
    say_ranges(k, &code, KIND_CODE);
    ask(k, _("Where does its code begin and end?"), &code);
    say_ranges(k, &stack, KIND_STACK);
    ask(k, _("Where does its stack begin and end?"), &stack);
    say(&count, "%" PRIu64, now.program.regions);
    ask(k, _("How many regions does its map have?"), &count);
}

static void say_first(const struct asker *k, struct answer *a, enum kind one, enum kind other)
{
    for (size_t i = 0; i < map_of(k)->count; i++) {
        const struct region *r = map_of(k)->items[i];
        if (r->kind != one && r->kind != other)
            continue;
        say(a, "%s%0*" PRIx64 " (%s)", a->used ? "; " : "", (int)k->lines.address_width,
            r->raw.start, kind_name(r->kind));
        return;
    }
}

static void ask_kinds(struct asker *k)
{
    struct answer a = {0};
    say_first(k, &a, KIND_DATA, KIND_RODATA);
    say_first(k, &a, KIND_HEAP, KIND_BSS);
    say_first(k, &a, KIND_LIB_CODE, KIND_LIB_CODE);
    ask(k,
        _("Name a region with data that a file backs, one with data that none backs, and one "
          "with a library's code."),
        &a);
}

static void ask_files(struct asker *k)
{
    struct answer files = {0}, inode = {0}, shared = {0};
    bool told[KIND_COUNT] = {false};
    const struct region_list *map = map_of(k);
    for (size_t i = 0; i < map->count; i++) {
        const struct region *r = map->items[i];
        bool known = r->tracer || !r->raw.inode;
        for (size_t j = 0; j < i && !known; j++)
            known = map->items[j]->raw.inode && region_same_file(map->items[j], r);
        if (!known)
            say(&files, _("%s%s (device %02" PRIx32 ":%02" PRIx32 ")"), files.used ? ", " : "",
                basename(r->path), r->raw.dev_major, r->raw.dev_minor);
        bool can = r->raw.perms & PMT_PERM_SHARED ||
                   ((r->raw.inode || r->kind == KIND_VDSO) && !(r->raw.perms & PMT_PERM_WRITE));
        if (can && !r->tracer && !told[r->kind])
            say(&shared, "%s%s", shared.used ? ", " : "", kind_name(r->kind));
        told[r->kind] |= can && !r->tracer;
    }
    ask(k, _("Which files back regions, and on which device are they?"), &files);
    say(&inode, "0");
    ask(k, _("Which i-node do the regions have that no file backs?"), &inode);
    ask(k, _("Of which kinds are the regions that several processes could share?"), &shared);
}

/* ---- what it holds ---- */

/* "data: i_glob, command; stack: i_loc" */
static void say_names(const struct asker *k, struct answer *a, bool functions)
{
    const struct where_rows *rows = &k->q->rows;
    for (size_t i = 0; i < rows->count; i++) {
        const struct where_row *row = &rows->items[i];
        bool is_first = row->raw.addr && (row->raw.r.call == PMT_VARIABLE_FUNCTION) == functions;
        for (size_t j = 0; j < i && is_first; j++)
            is_first = !rows->items[j].raw.addr || strcmp(rows->items[j].in, row->in) != 0 ||
                       (rows->items[j].raw.r.call == PMT_VARIABLE_FUNCTION) != functions;
        if (!is_first)
            continue;
        say(a, "%s%s:", a->used ? "; " : "", row->in);
        for (size_t j = i; j < rows->count; j++)
            if (rows->items[j].raw.addr && strcmp(rows->items[j].in, row->in) == 0 &&
                (rows->items[j].raw.r.call == PMT_VARIABLE_FUNCTION) == functions)
                say(a, "%s%s", j == i ? " " : ", ", rows->items[j].name);
    }
}

static void ask_places(struct asker *k)
{
    struct answer functions = {0}, variables = {0}, pointers = {0};
    const struct where_rows *rows = &k->q->rows;
    say_names(k, &functions, true);
    say_names(k, &variables, false);
    if (functions.used)
        ask(k, _("In which region is each function?"), &functions);
    if (variables.used)
        ask(k, _("In which region is each variable and parameter?"), &variables);
    for (size_t i = 0; i < rows->count; i++)
        if (rows->items[i].target[0])
            say(&pointers, "%s%s -> %s", pointers.used ? "; " : "", rows->items[i].name,
                rows->items[i].target);
    if (pointers.used)
        ask(k, _("Where does each pointer point to?"), &pointers);
}

/* ---- how it evolves ---- */

static void ask_changes(struct asker *k)
{
    struct answer stack = {0}, changes = {0}, sizes = {0};
    char before[TEXT_SIZE], now[TEXT_SIZE];
    const struct quiz *q = k->q;
    uint64_t size = regions_totals(&k->m->image->map).kinds[KIND_STACK].bytes;
    if (q->stack_at_start)
        say(&stack, _("%s at START, %s at the end"), text_size(before, q->stack_at_start),
            text_size(now, size));
    ask(k, _("How large is the stack at the start and at the end?"), &stack);
    for (size_t i = 0; i < q->change_count && i < QUIZ_CHANGES; i++)
        say(&changes, "%s%s", i ? "; " : "", q->changes[i]);
    if (q->change_count > QUIZ_CHANGES)
        say(&changes, _("; and %zu more"), q->change_count - QUIZ_CHANGES);
    ask(k, _("Which regions come and go while it runs, and by which calls?"), &changes);
    for (size_t i = 0; i < q->size_count; i++)
        say(&sizes, _("%s%" PRIu64 " bytes: %s"), i ? "; " : "", q->sizes[i].size,
            q->sizes[i].in_heap && q->sizes[i].mapped ? _("in both")
            : q->sizes[i].mapped                      ? _("in pages of its own")
                                                      : _("in the heap"));
    if (q->size_count)
        ask(k, _("Which blocks of malloc lie in the heap, which in pages of their own?"), &sizes);
}

void quiz_text(FILE *out, const struct output *output, const struct model *m, const struct quiz *q)
{
    struct asker k = {.answers = output->answers, .m = m, .q = q};
    k.lines = (struct lines){.out = out, .color = output->color, .width = output_width(output)};
    k.lines.address_width = m->image->word_size == 4 ? 8 : 12;
    fputc('\n', out);
    line_style(&k.lines, STYLE_BOLD);
    fprintf(out, "%-*s", LINE_INDENT, _("QUIZ"));
    text_escape(out, basename(m->image->exe), strlen(basename(m->image->exe)), 30);
    line_end(&k.lines);
    ask_addresses(&k);
    ask_kinds(&k);
    ask_files(&k);
    ask_places(&k);
    ask_changes(&k);
    if (!output->answers)
        fputs(_("\n              (--quiz=answers has the answers)\n"), out);
}
