#include "runner/views/timeline_start.h"
#include "runner/base/text.h"
#include <inttypes.h>
#include <string.h>

/* As many of them as fit on the line. */
static void write_arguments(const struct timeline *t, const struct image *image, size_t used)
{
    for (uint32_t i = 0; i < image->argv_size; i += (uint32_t)strlen(image->argv + i) + 1) {
        size_t room = t->lines.width > used + 1 ? t->lines.width - used - 1 : 0;
        if (room < 8)
            return;
        fputc(' ', t->lines.out);
        used += 1 + text_escape(t->lines.out, image->argv + i, strlen(image->argv + i), room);
    }
}

/* "pid 8123, 32-bit PIE, glibc 2.36, mmap threshold 128K (it can rise)" */
static void write_facts(struct timeline *t, const struct image *image, enum style style)
{
    char text[400] = "", size[TEXT_SIZE];
    const char *libc = image->libc[0] ? image->libc : "unknown C library";
    FILE *out = fmemopen(text, sizeof text, "w");
    if (!out)
        return;
    fprintf(out, "pid %" PRIu32 ", %u-bit %s%s, ", image->pid, image->word_size * 8,
            image->statically_linked ? "static " : "", image->pie ? "PIE" : "fixed address");
    text_escape(out, libc, strlen(libc), 60);
    if (image->mmap_threshold)
        fprintf(out, ", mmap threshold %s%s", text_size(size, image->mmap_threshold),
                image->dynamic_threshold ? " (it can rise)" : "");
    fclose(out);
    line_wrap(&t->lines, text, style);
}

static const char *backend_text(const struct image *image)
{
    if (image->backend == PMT_BACKEND_PTRACE)
        return image->blind ? "seen by ptrace; malloc cannot be seen: no symbols"
                            : "seen by ptrace";
    return image->blind ? "calls of malloc cannot be seen" : NULL;
}

static void write_head(struct timeline *t, const struct image *image)
{
    FILE *out = t->lines.out;
    const char *backend = backend_text(image);
    fputs("\n", out);
    line_style(&t->lines, STYLE_BOLD);
    fputs("procmap-trace", out);
    write_arguments(t, image, sizeof "procmap-trace" - 1);
    line_style(&t->lines, STYLE_PLAIN);
    fputc('\n', out);
    t->lines.column = 0;
    write_facts(t, image, STYLE_PLAIN);
    if (backend)
        fprintf(out, "%s\n", backend);
    fputc('\n', out);
}

/* The program by its path, since its argv[0] may be anything, and the rest of its arguments. */
static void write_program(struct timeline *t, const struct image *image, const char *verb)
{
    const struct lines *l = &t->lines;
    size_t used = l->column + strlen(verb) + 1;
    size_t room = l->width > used + 20 ? l->width - used : 20;
    line_style(l, STYLE_BOLD);
    fprintf(l->out, "%s ", verb);
    line_style(l, STYLE_PLAIN);
    used += text_escape(l->out, image->exe, strlen(image->exe), room);
    size_t first = image->argv_size ? strlen(image->argv) + 1 : 0;
    struct image rest = {.argv = image->argv + first,
                         .argv_size = image->argv_size - (uint32_t)first};
    write_arguments(t, &rest, used);
    fputc('\n', l->out);
}

/* A further image: one line, or two. */
static void write_next_head(struct timeline *t, const struct model *m, uint64_t t_ns)
{
    const struct image *image = m->image;
    const char *backend = backend_text(image);
    char text[60];
    timeline_time(t, m, t_ns);
    if (image->origin == PMT_ORIGIN_FORK) {
        snprintf(text, sizeof text, "forked from %" PRIu32, image->ppid);
        return line_call(&t->lines, text, "");
    }
    write_program(t, image, image->origin == PMT_ORIGIN_EXEC ? "EXEC" : "START");
    line_indent(&t->lines);
    write_facts(t, image, STYLE_DIM);
    if (backend)
        timeline_indented(t, backend, STYLE_DIM);
}

void timeline_start_process(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct image *image = m->image;
    t->shown->threshold = image->mmap_threshold;
    if (m->images.total == 1)
        write_head(t, image);
    else
        write_next_head(t, m, event->t_ns);
}

static void write_hidden(struct timeline *t, const struct totals *totals)
{
    char text[200], size[TEXT_SIZE];
    const struct total *own = &totals->kinds[KIND_TRACER];
    if (t->output.all || !own->regions)
        return;
    snprintf(text, sizeof text,
             "(not shown: %" PRIu64
             " regions, %s, of procmap-trace itself, which are in /proc/PID/maps, too; "
             "--all shows them)",
             own->regions, text_size(size, own->bytes));
    timeline_indented(t, text, STYLE_DIM);
}

static void write_map(struct timeline *t, const struct regions *map)
{
    line_region_titles(&t->lines);
    for (size_t i = 0; i < map->list.count; i++) {
        const struct region *r = map->list.items[i];
        if (r->tracer && !t->output.all)
            continue;
        line_indent(&t->lines);
        line_region(&t->lines, r, "");
    }
}

static void write_whole_map(struct timeline *t, const struct model *m, uint64_t t_ns)
{
    const struct total *program = &t->shown->at_start.program;
    char text[80], size[TEXT_SIZE];
    timeline_time(t, m, t_ns);
    snprintf(text, sizeof text, "START   %" PRIu64 " regions, %s", program->regions,
             text_size(size, program->bytes));
    line_call(&t->lines, text, "");
    write_map(t, &m->image->map);
    write_hidden(t, &t->shown->at_start);
    fputc('\n', t->lines.out);
}

/* The regions of `map` that are not in `other`, with a sign; how many. */
static size_t write_only_in(struct timeline *t, const struct regions *map,
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
        fprintf(t->lines.out, "%c %-*s", sign, LINE_INDENT - 2, sign == '+' ? "here" : "parent");
        line_region(&t->lines, r, "");
    }
    return count;
}

/* A child: what a reader does not know yet. */
static void write_short_map(struct timeline *t, const struct image *image)
{
    const struct total *program = &t->shown->at_start.program;
    const struct regions *map = &image->map, *had = &image->inherited;
    char text[120], size[TEXT_SIZE];
    const char *as = "";
    text_size(size, program->bytes);
    if (had->list.count) {
        bool differs =
            write_only_in(t, map, had, '+', true) || write_only_in(t, had, map, '-', true);
        as = differs ? "its parent's map, but for the regions below: " : "same map as its parent: ";
    }
    snprintf(text, sizeof text, "%s%" PRIu64 " regions, %s", as, program->regions, size);
    timeline_indented(t, text, STYLE_DIM);
    if (had->list.count) {
        write_only_in(t, had, map, '-', false);
        write_only_in(t, map, had, '+', false);
    }
}

void timeline_start_snapshot(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_snapshot *s = (const struct pmt_snapshot *)event->record;
    if (event->record->call != PMT_REASON_START || !(s->flags & PMT_SNAPSHOT_LAST))
        return;
    t->shown->at_start = regions_totals(&m->image->map);
    if (m->image->of_first || t->output.all)
        return write_whole_map(t, m, event->t_ns);
    if (t->last_image != m->image->number) /* another image's line came in between */
        write_next_head(t, m, event->t_ns);
    write_short_map(t, m->image);
}
