#include "runner/views/timeline_map.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include <inttypes.h>
#include <string.h>

/* ---- region by region ---- */

static bool is_hidden(const struct timeline *t, const struct region *r)
{
    return r->tracer && !t->output.all;
}

static bool is_of_library(const struct region *r)
{
    return r->kind >= KIND_LIB_CODE && r->kind <= KIND_LIB_BSS;
}

static bool is_of_kernel(const struct region *r)
{
    return r->kind == KIND_VDSO || r->kind == KIND_VVAR;
}

/* Whether they belong to one thing: the .bss behind a library has no name. */
static bool belongs(const struct region *first, const struct region *r)
{
    if (is_of_kernel(first))
        return is_of_kernel(r);
    return is_of_library(first) && is_of_library(r) && first->path[0] &&
           (r->kind == KIND_LIB_BSS || strcmp(first->path, r->path) == 0);
}

/* How many regions from the one at `at` on are one line. */
static size_t count_group(const struct timeline *t, const struct region_list *list, size_t at)
{
    size_t end = at + 1;
    while (!t->output.all && end < list->count && belongs(list->items[at], list->items[end]))
        end++;
    return end - at;
}

static void write_group(struct timeline *t, struct region *const *regions, size_t count)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += region_size(regions[i]);
    line_regions(&t->lines, regions[0], regions[count - 1], count, bytes,
                 is_of_kernel(regions[0]) ? _("vvar, vdso") : "");
}

static void write_left_out(struct timeline *t, bool grouped, bool hidden)
{
    if (grouped && hidden)
        timeline_indented(t, _("(--all: libraries region by region, and procmap-trace's own)"),
                          STYLE_DIM);
    else if (grouped)
        timeline_indented(t, _("(--all: libraries region by region)"), STYLE_DIM);
    else if (hidden)
        timeline_indented(t, _("(--all: procmap-trace's own regions, too)"), STYLE_DIM);
}

void timeline_map_table(struct timeline *t, const struct regions *map)
{
    bool grouped = false, hidden = false;
    line_region_titles(&t->lines);
    for (size_t i = 0, count; i < map->list.count; i += count) {
        struct region **r = map->list.items + i;
        count = count_group(t, &map->list, i);
        hidden = hidden || is_hidden(t, r[0]);
        grouped = grouped || count > 1;
        if (is_hidden(t, r[0]))
            continue;
        line_indent(&t->lines);
        if (count > 1)
            write_group(t, r, count);
        else
            line_region(&t->lines, r[0], "");
    }
    write_left_out(t, grouped, hidden);
}

size_t timeline_map_only_in(struct timeline *t, const struct regions *map,
                            const struct regions *other, char sign, bool count_only)
{
    size_t count = 0;
    for (size_t i = 0; i < map->list.count; i++) {
        const struct region *r = map->list.items[i];
        const struct region *same = regions_find(other, r->raw.start);
        if ((same && region_same(same, r)) || r->tracer)
            continue;
        count++;
        if (count_only)
            continue;
        fprintf(t->lines.out, "%c %-*s", sign, LINE_INDENT - 2,
                sign == '+' ? _("here") : _("parent"));
        line_region(&t->lines, r, "");
    }
    return count;
}

/* ---- in sums ---- */

static bool is_as_before(const struct total *now, const struct total *before)
{
    return now->regions == before->regions && now->bytes == before->bytes;
}

static void write_total(struct timeline *t, const char *name, const struct total *now,
                        const struct total *before)
{
    char size[TEXT_SIZE], delta[TEXT_SIZE] = "=", sign[2] = "";
    bool more = now->bytes > before->bytes;
    uint64_t bytes = more ? now->bytes - before->bytes : before->bytes - now->bytes;
    if (bytes) {
        sign[0] = more ? '+' : '-';
        text_size(delta, bytes);
    }
    line_indent(&t->lines);
    fprintf(t->lines.out, "%-14s %8" PRIu64 " %8s %5s%s%s\n", name, now->regions,
            text_size(size, now->bytes), "", sign, delta);
}

void timeline_map_totals(struct timeline *t, const struct totals *now)
{
    struct total rest = {0};
    unsigned kinds = 0;
    char name[40];
    line_indent(&t->lines);
    line_style(&t->lines, STYLE_DIM);
    fprintf(t->lines.out, "%-14s %8s %8s %12s", _("kind"), _("regions"), _("size"),
            _("since START"));
    line_end(&t->lines);
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        const struct total *a = &now->kinds[kind], *b = &t->shown->at_start.kinds[kind];
        if ((!a->regions && !b->regions) || (kind == KIND_TRACER && !t->output.all))
            continue;
        if (t->output.all || !is_as_before(a, b)) {
            write_total(t, kind_name(kind), a, b);
            continue;
        }
        kinds++;
        rest.regions += a->regions;
        rest.bytes += a->bytes;
    }
    snprintf(name, sizeof name, _("%u other kind%s"), kinds, kinds == 1 ? "" : "s");
    if (kinds)
        write_total(t, name, &rest, &rest);
}
