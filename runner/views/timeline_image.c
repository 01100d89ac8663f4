#include "runner/views/timeline_image.h"
#include "runner/base/shell_word.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/views/timeline_map.h"
#include <inttypes.h>
#include <string.h>

/* As a shell needs them, as many as fit on the line. */
static void write_arguments(const struct timeline *t, const struct image *image, size_t used)
{
    char word[1000];
    for (uint32_t i = 0; i < image->argv_size; i += (uint32_t)strlen(image->argv + i) + 1) {
        size_t room = t->lines.width > used + 1 ? t->lines.width - used - 1 : 0;
        size_t length = shell_word(word, sizeof word, image->argv + i);
        bool last = i + strlen(image->argv + i) + 1 >= image->argv_size;
        if (room < 12 || (!last && room < length + 4)) {
            fputs(room >= 3 ? " ..." : "", t->lines.out);
            return;
        }
        fputc(' ', t->lines.out);
        used += 1 + text_escape(t->lines.out, word, length, room);
    }
}

/* "pid 8123, 32-bit PIE, glibc 2.36, mmap threshold 128K (it can rise)" */
static void write_facts(struct timeline *t, const struct image *image, enum style style)
{
    char text[400] = "", size[TEXT_SIZE];
    const char *libc = image->libc[0] ? image->libc : _("unknown C library");
    FILE *out = fmemopen(text, sizeof text, "w");
    if (!out)
        return;
    fprintf(out, _("pid %" PRIu32 ", %u-bit %s%s, "), image->pid, image->word_size * 8,
            image->statically_linked ? _("static ") : "", image->pie ? "PIE" : _("fixed address"));
    text_escape(out, libc, strlen(libc), 60);
    if (image->thresholds.mmap)
        fprintf(out, _(", mmap threshold %s%s"), text_size(size, image->thresholds.mmap),
                image->dynamic_threshold ? _(" (it can rise)") : "");
    fclose(out);
    line_wrap(&t->lines, text, style);
}

/* What can be seen, and of whose malloc. "": nothing special. */
static void seeing_text(const struct image *image, char *out, size_t size)
{
    bool by_ptrace = image->backend == PMT_BACKEND_PTRACE;
    bool own = strcmp(image->allocator, image->exe) == 0;
    const char *by = by_ptrace ? _("seen by ptrace") : "", *with = by_ptrace ? "; " : "";
    FILE *text = fmemopen(out, size, "w");
    out[0] = '\0';
    if (!text)
        return;
    if (own)
        fprintf(text, _("%s%sit has its own malloc%s"), by, with,
                !image->blind ? ""
                : by_ptrace   ? _(": its calls cannot be seen")
                              : _("; its calls are only seen by --backend=ptrace"));
    else if (image->allocator[0]) {
        fprintf(text, _("%s%sits malloc is that of "), by, with);
        text_escape(text, basename(image->allocator), strlen(basename(image->allocator)), 60);
    } else if (image->blind)
        fprintf(text, _("%s%smalloc cannot be seen%s"), by, with,
                by_ptrace ? _(": no symbols") : "");
    else
        fputs(by, text);
    fclose(text);
}

static void write_head(struct timeline *t, const struct image *image)
{
    FILE *out = t->lines.out;
    char seeing[200];
    fputs("\n", out);
    line_style(&t->lines, STYLE_BOLD);
    fputs(_("procmap-trace"), out);
    write_arguments(t, image, sizeof "procmap-trace" - 1);
    line_style(&t->lines, STYLE_PLAIN);
    fputc('\n', out);
    t->lines.column = 0;
    write_facts(t, image, STYLE_PLAIN);
    seeing_text(image, seeing, sizeof seeing);
    if (seeing[0])
        line_wrap(&t->lines, seeing, STYLE_PLAIN);
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
    char text[60], seeing[200];
    timeline_time(t, m, t_ns);
    if (image->origin == PMT_ORIGIN_FORK) {
        snprintf(text, sizeof text, _("forked from %" PRIu32), image->ppid);
        return line_call(&t->lines, text, "");
    }
    write_program(t, image, image->origin == PMT_ORIGIN_EXEC ? "EXEC" : _("START"));
    line_indent(&t->lines);
    write_facts(t, image, STYLE_DIM);
    seeing_text(image, seeing, sizeof seeing);
    if (seeing[0])
        timeline_indented(t, seeing, STYLE_DIM);
}

void timeline_image_begins(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct image *image = m->image;
    t->shown->threshold = image->thresholds.mmap;
    if (m->images.total == 1)
        write_head(t, image);
    else
        write_next_head(t, m, event->t_ns);
}

/* Without it the kernel places a program that is position independent here: ELF_ET_DYN_BASE of
 * arch/x86/include/asm/elf.h, two thirds of the address space. */
static bool is_randomised(const struct image *image)
{
    const uint64_t base = image->word_size == 4 ? 0x56555000 : 0x555555554000;
    return image->pie && image->map.list.count && !regions_find(&image->map, base);
}

static void write_whole_map(struct timeline *t, const struct model *m, uint64_t t_ns)
{
    const struct total *program = &t->shown->at_start.program;
    char text[80], size[TEXT_SIZE];
    timeline_time(t, m, t_ns);
    snprintf(text, sizeof text, _("START   %" PRIu64 " regions, %s"), program->regions,
             text_size(size, program->bytes));
    line_call(&t->lines, text, "");
    timeline_map_table(t, &m->image->map);
    if (is_randomised(m->image) && t->output.resized)
        timeline_indented(t, _("(--no-aslr: the same addresses in every run)"), STYLE_DIM);
    fputc('\n', t->lines.out);
}

/* A child: what a reader does not know yet. */
static void write_short_map(struct timeline *t, const struct image *image)
{
    const struct total *program = &t->shown->at_start.program;
    const struct regions *map = &image->map, *had = &image->inherited;
    char text[200], size[TEXT_SIZE];
    const char *as = "";
    text_size(size, program->bytes);
    if (had->list.count) {
        bool differs = timeline_map_only_in(t, map, had, '+', true) ||
                       timeline_map_only_in(t, had, map, '-', true);
        as = differs ? _("its parent's map, but for the regions below: ")
                     : _("same map as its parent: ");
    }
    snprintf(text, sizeof text, _("%s%" PRIu64 " regions, %s"), as, program->regions, size);
    timeline_indented(t, text, STYLE_DIM);
    if (had->list.count) {
        timeline_map_only_in(t, had, map, '-', false);
        timeline_map_only_in(t, map, had, '+', false);
    }
}

void timeline_image_mapped(struct timeline *t, const struct model *m, const struct event *event)
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
