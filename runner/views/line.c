#include "runner/views/line.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "schemas/names.h"
#include <inttypes.h>
#include <string.h>

void line_style(const struct lines *l, enum style style)
{
    static const char *const codes[] = {
        [STYLE_PLAIN] = "\033[0m",  [STYLE_BOLD] = "\033[1m", [STYLE_DIM] = "\033[2m",
        [STYLE_GREEN] = "\033[32m", [STYLE_RED] = "\033[31m", [STYLE_YELLOW] = "\033[33m",
        [STYLE_BLUE] = "\033[36m",
    };
    if (l->color)
        fputs(codes[style], l->out);
}

void line_end(const struct lines *l)
{
    line_style(l, STYLE_PLAIN);
    fputc('\n', l->out);
}

void line_time(struct lines *l, uint64_t t_ns)
{
    line_style(l, STYLE_DIM);
    if (t_ns < 1000000000u)
        fprintf(l->out, "%*.3f ms  ", LINE_INDENT - 5, (double)t_ns / 1e6);
    else
        fprintf(l->out, "%*.3f s   ", LINE_INDENT - 5, (double)t_ns / 1e9);
    line_style(l, STYLE_PLAIN);
    fputs(l->tag, l->out);
    l->column = LINE_INDENT + l->tag_width;
}

void line_set_tag(struct lines *l, uint32_t pid, const char *name)
{
    const size_t longest = 15;
    l->tag[0] = '\0';
    l->tag_width = 0;
    FILE *out = name ? fmemopen(l->tag, sizeof l->tag, "w") : NULL;
    if (!out)
        return;
    int used = fprintf(out, "[%" PRIu32 " ", pid);
    l->tag_width = (unsigned)used + (unsigned)text_escape(out, name, strlen(name), longest) + 2;
    fputs("] ", out);
    fclose(out);
}

void line_indent(struct lines *l)
{
    l->column = LINE_INDENT;
    fprintf(l->out, "%*s", LINE_INDENT, "");
}

static size_t room_behind(const struct lines *l, size_t column)
{
    const size_t least = 20;
    return l->width > column + least ? l->width - column : least;
}

/* Between two words, so that neither is the next line one word. */
static size_t place_to_cut(const char *text, size_t room)
{
    size_t cut = room;
    while (cut > 0 && text[cut] != ' ')
        cut--;
    size_t earlier = cut ? cut - 1 : 0;
    while (earlier > 0 && text[earlier] != ' ')
        earlier--;
    if (cut && earlier && !strchr(text + cut + 1, ' '))
        return earlier;
    return cut ? cut : room;
}

/* The bytes of so many characters of UTF-8; what is none counts as one, too. */
static size_t bytes_of(const char *text, size_t characters)
{
    size_t i = 0;
    while (text[i] && (characters || ((unsigned char)text[i] & 0xc0) == 0x80))
        characters -= ((unsigned char)text[i++] & 0xc0) != 0x80;
    return i;
}

void line_wrap(struct lines *l, const char *text, enum style style)
{
    size_t room = room_behind(l, l->column), fits;
    line_style(l, style);
    while (text[fits = bytes_of(text, room)]) {
        size_t cut = place_to_cut(text, fits);
        fprintf(l->out, "%.*s", (int)cut, text);
        line_end(l);
        line_indent(l);
        line_style(l, style);
        text += cut + (text[cut] == ' ');
        room = room_behind(l, l->column);
    }
    fputs(text, l->out);
    line_end(l);
}

/* Where the caller begins: behind the call, or 0 if there is no room. */
static size_t column_of_caller(const struct lines *l, size_t used, size_t wanted)
{
    const size_t column = 36; /* if the call is not longer */
    size_t at = l->column + (used + 2 < column ? column : used + 2);
    if (at + wanted > l->width)
        at = l->column + used + 2;
    return at + wanted > l->width ? 0 : at;
}

void line_call(struct lines *l, const char *left, const char *caller)
{
    size_t used = strlen(left), wanted = strlen(caller);
    if (l->column + used > l->width) {
        line_wrap(l, left, STYLE_BOLD);
    } else {
        line_style(l, STYLE_BOLD);
        fputs(left, l->out);
        line_style(l, STYLE_PLAIN);
    }
    bool is_open = l->column + used <= l->width;
    size_t at = is_open && wanted ? column_of_caller(l, used, wanted) : 0;
    if (wanted) {
        if (is_open && !at)
            fputc('\n', l->out);
        fprintf(l->out, "%*s", at ? (int)(at - l->column - used) : LINE_INDENT + 4, "");
        at = at ? at : LINE_INDENT + 4;
        line_style(l, STYLE_BLUE);
        text_escape(l->out, caller, wanted, l->width > at + 10 ? l->width - at : 10);
        line_style(l, STYLE_PLAIN);
    }
    if (wanted || is_open)
        fputc('\n', l->out);
}

void line_region_titles(struct lines *l)
{
    line_indent(l);
    line_style(l, STYLE_DIM);
    fprintf(l->out, _("%-*s perm   size kind         file"), (int)l->address_width * 2 + 1,
            _("address"));
    line_end(l);
}

#define LEAST_NAME 8u /* columns, of a file */

/* The whole path where it fits, else its last part. */
static void name(const struct lines *l, const struct region *r, size_t room)
{
    const char *path = r->path;
    if (path[0] == '/' && strlen(path) > room)
        path = basename(path);
    text_escape(l->out, path, strlen(path), room);
}

void line_regions(struct lines *l, const struct region *first, const struct region *last,
                  size_t count, uint64_t bytes, const char *note)
{
    char size[TEXT_SIZE], regions[32];
    snprintf(regions, sizeof regions, _("%zu regions"), count);
    int used = fprintf(l->out, "%0*" PRIx64 "-%0*" PRIx64 " %4s %6s %-12s ", (int)l->address_width,
                       first->raw.start, (int)l->address_width, last->raw.end, "",
                       text_size(size, bytes), regions);
    size_t at = LINE_INDENT + (size_t)used;
    if (*note)
        fputs(note, l->out);
    else
        name(l, first, l->width > at + 8 ? l->width - at : 8);
    line_end(l);
}

/* What the kind does not say: whose stack it is, that an arena's part is only reserved. */
static void region_label(const struct region *r, char *out, size_t size)
{
    bool closed = !(r->raw.perms & (PMT_PERM_READ | PMT_PERM_WRITE | PMT_PERM_EXEC));
    out[0] = '\0';
    if (r->kind == KIND_THREAD_STACK && r->tid)
        snprintf(out, size, _("of thread %" PRIu32), r->tid);
    else if (r->kind == KIND_MALLOC_ARENA && closed)
        snprintf(out, size, _("reserved"));
}

void line_region(struct lines *l, const struct region *r, const char *note)
{
    char perms[4], size[TEXT_SIZE];
    names_perms(perms, r->raw.perms);
    int used = fprintf(l->out, "%0*" PRIx64 "-%0*" PRIx64 " %.4s %6s %s", (int)l->address_width,
                       r->raw.start, (int)l->address_width, r->raw.end, perms,
                       text_size(size, region_size(r)), kind_name(r->kind));
    /* the kernel's names repeat the kind */
    bool named = r->path[0] && (r->path[0] != '[' || text_starts(r->path, "[anon"));
    char label[32];
    region_label(r, label, sizeof label);
    if (!*note && !*label && !named)
        return line_end(l);
    size_t column = l->address_width * 2 + 27u, at = (size_t)used;
    size_t wanted = strlen(note) + 2 + strlen(label);
    if (*note && LINE_INDENT + (at < column ? column : at + 1) + wanted > l->width)
        label[0] = '\0'; /* the kind must do */
    size_t beside = *note && named ? 1 + LEAST_NAME : 0;
    bool fits = LINE_INDENT + (at < column ? column : at + 1) + strlen(note) + beside <= l->width;
    const char *below = fits ? "" : note;
    note = fits ? note : "";
    if (*note || *label) {
        bool counts = *note && *label && note[strlen(note) - 1] != '-'; /* a sign of a tree */
        at += (size_t)fprintf(l->out, "%*s%s%s%s", at < column ? (int)(column - at) : 1, "", note,
                              counts            ? ", "
                              : *note && *label ? " "
                                                : "",
                              label);
    }
    if (named) {
        at += (size_t)fprintf(l->out, "%*s", at < column ? (int)(column - at) : 1, "");
        bool roomy = l->width > LINE_INDENT + at + LEAST_NAME;
        name(l, r, roomy ? l->width - LINE_INDENT - at : LEAST_NAME);
    }
    line_end(l);
    if (*below) {
        line_indent(l);
        line_wrap(l, below, STYLE_PLAIN);
    }
}
