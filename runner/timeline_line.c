#include "timeline_line.h"
#include "shim/encode.h"
#include "text.h"
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

void line_time(const struct lines *l, uint64_t t_ns)
{
    line_style(l, STYLE_DIM);
    if (t_ns < 1000000000u)
        fprintf(l->out, "%*.3f ms  ", LINE_INDENT - 5, (double)t_ns / 1e6);
    else
        fprintf(l->out, "%*.3f s   ", LINE_INDENT - 5, (double)t_ns / 1e9);
    line_style(l, STYLE_PLAIN);
}

void line_indent(const struct lines *l)
{
    fprintf(l->out, "%*s", LINE_INDENT, "");
}

void line_wrap(const struct lines *l, const char *text, enum style style)
{
    size_t room = l->width > LINE_INDENT + 20 ? l->width - LINE_INDENT : 20;
    line_style(l, style);
    while (strlen(text) > room) {
        size_t cut = room;
        while (cut > 0 && text[cut] != ' ')
            cut--;
        if (cut == 0)
            cut = room;
        fprintf(l->out, "%.*s", (int)cut, text);
        line_end(l);
        line_indent(l);
        line_style(l, style);
        text += cut + (text[cut] == ' ');
    }
    fputs(text, l->out);
    line_end(l);
}

void line_call(const struct lines *l, const char *left, const char *caller)
{
    const size_t column = 36; /* where callers begin, if the call is not longer */
    size_t used = strlen(left), wanted = strlen(caller);
    line_style(l, STYLE_BOLD);
    fputs(left, l->out);
    line_style(l, STYLE_PLAIN);
    if (wanted) {
        size_t gap = used + 2 < column ? column - used : 2;
        if (LINE_INDENT + used + gap + wanted > l->width)
            gap = 2;
        if (LINE_INDENT + used + gap + wanted > l->width) {
            fprintf(l->out, "\n%*s", LINE_INDENT + 4, "");
            gap = 0;
        }
        size_t at = LINE_INDENT + (gap ? used + gap : 4);
        fprintf(l->out, "%*s", (int)gap, "");
        line_style(l, STYLE_BLUE);
        text_escape(l->out, caller, wanted, l->width > at + 10 ? l->width - at : 10);
        line_style(l, STYLE_PLAIN);
    }
    fputc('\n', l->out);
}

void line_region_titles(const struct lines *l)
{
    line_indent(l);
    line_style(l, STYLE_DIM);
    fprintf(l->out, "%-*s perm   size kind         file", (int)l->address_width * 2 + 1, "address");
    line_end(l);
}

/* The whole path where it fits, else its last part. */
static void name(const struct lines *l, const struct region *r, size_t room)
{
    const char *path = r->path, *slash = strrchr(path, '/');
    if (path[0] == '/' && slash && strlen(path) > room)
        path = slash + 1;
    text_escape(l->out, path, strlen(path), room);
}

void line_region(const struct lines *l, const struct region *r, const char *note)
{
    char perms[4], size[TEXT_SIZE];
    encode_perms(perms, r->raw.perms);
    int used = fprintf(l->out, "%0*" PRIx64 "-%0*" PRIx64 " %.4s %6s %s", (int)l->address_width,
                       r->raw.start, (int)l->address_width, r->raw.end, perms,
                       text_size(size, region_size(r)), kind_name(r->kind));
    /* the kernel's names repeat the kind */
    bool named = r->path[0] && (r->path[0] != '[' || strncmp(r->path, "[anon", 5) == 0);
    if (!*note && !named)
        return line_end(l);
    int column = (int)l->address_width * 2 + 27;
    fprintf(l->out, "%*s%s", used < column ? column - used : 1, "", note);
    size_t at =
        LINE_INDENT + (size_t)(used < column ? column : used + 1) + strlen(note) + (*note != 0);
    if (*note && named)
        fputc(' ', l->out);
    if (named)
        name(l, r, l->width > at + 8 ? l->width - at : 8);
    line_end(l);
}
