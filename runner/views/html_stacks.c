#include "runner/views/html_stacks.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include "runner/base/table.h"
#include "runner/symbols/demangle.h"
#include "runner/symbols/regular.h"
#include "runner/views/caller.h"
#include "runner/views/html_json.h"
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define MOST_STACKS 20000u
#define MOST_TEXT (1u << 20) /* of all source files together */
#define NAME_SIZE 400

/* Texts by number. */
struct list {
    struct table known;
    struct listed {
        size_t number;
        char text[];
    } * *items;
    size_t count, room;
};

static bool is_text(const void *entry, const void *text, size_t size)
{
    (void)size; /* both end with a zero byte */
    return strcmp(((const struct listed *)entry)->text, text) == 0;
}

static size_t number_of(struct list *list, const char *text)
{
    void **at = table_place(&list->known, text, strlen(text), is_text);
    if (*at)
        return ((struct listed *)*at)->number;
    struct listed *entry = memory_get(sizeof *entry + strlen(text) + 1);
    strcpy(entry->text, text);
    entry->number = list->count;
    *array_add(list->items, list->count, list->room) = entry;
    *at = entry;
    return entry->number;
}

static void list_free(struct list *list)
{
    table_free(&list->known, memory_put);
    memory_put(list->items);
}

struct writer {
    FILE *out;
    struct list functions, modules, files;
    size_t text_left;
};

/* ---- stacks ---- */

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Whether a place is in the source of the program, or of a library of its own. */
static bool is_own_source(const struct frame *frame, const struct symbol_place *place)
{
    return frame->module && !symbol_of_system(frame->module) && place->file && place->line &&
           !symbol_of_header(place->file);
}

static void write_level(struct writer *w, const struct frame *frame,
                        const struct symbol_place *place, bool first)
{
    char function[NAME_SIZE];
    if (place->function)
        demangle_short(place->function, function, sizeof function);
    else
        snprintf(function, sizeof function, "0x%llx", (unsigned long long)frame->ip);
    bool own = is_own_source(frame, place);
    fprintf(w->out, "%s[%zu,%zu,", first ? "" : ",", number_of(&w->functions, function),
            number_of(&w->modules, frame->module ? frame->module : ""));
    if (own)
        fprintf(w->out, "%zu,%u]", number_of(&w->files, place->file), place->line);
    else
        fputs("-1,0]", w->out);
}

static void write_stack(struct writer *w, const struct model *m, const struct stack *stack)
{
    for (uint32_t i = 0; i < stack->count; i++) {
        const struct frame *frame = &stack->frames[i];
        const struct symbol *s = stacks_symbol(&m->image->stacks, frame, false);
        write_level(w, frame, &(struct symbol_place){s->function, s->file, s->line}, i == 0);
        for (unsigned level = 0; level < s->inlined; level++)
            write_level(w, frame, &s->inlined_into[level], false);
    }
}

static void write_stacks(struct writer *w, const struct model *m)
{
    const struct stacks *stacks = &m->image->stacks;
    size_t count = 0;
    fputs("\"stacks\":{", w->out);
    for (size_t id = 1; id < stacks->room && count < MOST_STACKS; id++) {
        if (!stacks->by_id[id])
            continue;
        fprintf(w->out, "%s\"%zu\":[", count++ ? "," : "", id);
        write_stack(w, m, stacks->by_id[id]);
        fputc(']', w->out);
    }
    fputc('}', w->out);
}

/* ---- files ---- */

/* Debug information often names a file as the compiler was told it: relative to where that ran,
 * which is mostly the program's folder or one above it. -1: there is none. */
static int open_source(const char *path, const char *program)
{
    char folder[PATH_MAX], whole[PATH_MAX];
    if (path[0] == '/')
        return regular_open(path);
    if (!program || program[0] != '/' || strlen(program) >= sizeof folder)
        return -1;
    strcpy(folder, program);
    for (char *slash; (slash = strrchr(folder, '/'));) {
        *slash = '\0';
        int length = snprintf(whole, sizeof whole, "%s/%s", folder, path);
        int fd = length < (int)sizeof whole ? regular_open(whole) : -1;
        if (fd >= 0)
            return fd;
    }
    return -1;
}

/* The text of a source file, to be given back; NULL: there is none, or no room for it. A file that
 * has a zero byte is no text. */
static char *read_text(int fd, size_t most, size_t *size)
{
    if (fd < 0)
        return NULL;
    char *text = memory_get(most + 1);
    ssize_t got;
    *size = 0;
    while ((got = read(fd, text + *size, most + 1 - *size)) > 0)
        *size += (size_t)got;
    close(fd);
    if (got == 0 && *size <= most && !memchr(text, '\0', *size))
        return text;
    memory_put(text);
    return NULL;
}

static void write_file(struct writer *w, const char *path, const char *program)
{
    size_t size;
    html_key_text(w->out, "{\"name\":", base_of(path));
    html_key_text(w->out, ",\"path\":", path);
    char *text = w->text_left ? read_text(open_source(path, program), w->text_left, &size) : NULL;
    if (text) {
        fputs(",\"text\":", w->out);
        html_bytes(w->out, text, size);
        w->text_left -= size;
        memory_put(text);
    }
    fputc('}', w->out);
}

static void write_list(FILE *out, const char *key, const struct list *list)
{
    fputs(key, out);
    for (size_t i = 0; i < list->count; i++) {
        fputs(i ? "," : "", out);
        html_text(out, list->items[i]->text);
    }
    fputs("],", out);
}

void html_stacks_write(FILE *out, const struct model *m, bool with_text)
{
    struct html_part stacks = {0};
    struct writer w = {.text_left = with_text ? MOST_TEXT : 0};
    if (!html_part_open(&stacks))
        return;
    w.out = stacks.out;
    write_stacks(&w, m);
    fflush(stacks.out);
    w.out = out;
    write_list(out, "\"fns\":[", &w.functions);
    write_list(out, "\"mods\":[", &w.modules);
    fputs("\"files\":[", out);
    for (size_t i = 0; i < w.files.count; i++) {
        fputs(i ? "," : "", out);
        write_file(&w, w.files.items[i]->text, m->image->exe);
    }
    fputs("],", out);
    fwrite(stacks.text, 1, stacks.size, out);
    html_part_free(&stacks);
    list_free(&w.functions);
    list_free(&w.modules);
    list_free(&w.files);
}
