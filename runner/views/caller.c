#include "runner/views/caller.h"
#include "runner/base/text.h"
#include "runner/symbols/demangle.h"
#include "schemas/names.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAME_SIZE 400 /* of a function, for a person */

/* One function of a stack: of a frame, or inlined in one. Level 0 is the innermost of a frame. */
struct level {
    uint32_t frame;
    unsigned level;
};

static const struct level nowhere = {UINT32_MAX, 0};

static const struct symbol *symbol_of(const struct model *m, const struct stack *stack,
                                      uint32_t frame)
{
    return stacks_symbol(&m->image->stacks, &stack->frames[frame], false);
}

static struct symbol_place place_of(const struct symbol *s, unsigned level)
{
    return level ? s->inlined_into[level - 1]
                 : (struct symbol_place){s->function, s->file, s->line};
}

/* ---- which function it is ---- */

/* The innermost level of the frame with a line of the program's own source, or nowhere. */
static struct level level_with_line(const struct symbol *s, uint32_t frame)
{
    for (unsigned level = 0; level <= s->inlined; level++) {
        struct symbol_place place = place_of(s, level);
        if (place.line && !symbol_of_header(place.file))
            return (struct level){frame, level};
    }
    return nowhere;
}

static bool is_system_library(const char *path)
{
    const char *name = basename(path);
    return text_starts(name, "libc.") || text_starts(name, "libc-") || text_starts(name, "ld-");
}

/* Whether the frame can be the program's. A statically linked program contains the C library: its
 * own part is what has lines, if anything. */
static bool is_own(const struct model *m, const struct frame *frame)
{
    return m->image->statically_linked ||
           (frame->module && m->image->exe && strcmp(frame->module, m->image->exe) == 0);
}

/* The innermost function of the program itself with a line; if there is none, the innermost one of
 * it (not in a static program); then of any library but the C library; else
 * nowhere. */
static struct level own_level(const struct model *m, const struct stack *stack)
{
    struct level own = nowhere, other = nowhere;
    for (uint32_t i = 0; i < stack->count; i++) {
        const char *module = stack->frames[i].module;
        if (is_own(m, &stack->frames[i])) {
            struct level found = level_with_line(symbol_of(m, stack, i), i);
            if (found.frame == i)
                return found;
            if (own.frame == UINT32_MAX && !m->image->statically_linked)
                own = (struct level){i, symbol_of(m, stack, i)->inlined};
        } else if (other.frame == UINT32_MAX && module && !is_system_library(module)) {
            other.frame = i;
        }
    }
    return own.frame < stack->count ? own : other;
}

/* ---- in words ---- */

static void function_text(const struct symbol *s, unsigned level, char *out, size_t size)
{
    char inner[NAME_SIZE], outer[NAME_SIZE];
    demangle_short(place_of(s, level).function, inner, sizeof inner);
    const char *called = place_of(s, s->inlined).function; /* by the machine */
    if (level < s->inlined && called) {
        demangle_short(called, outer, sizeof outer);
        snprintf(out, size, "%s (inlined in %s)", inner, outer);
    } else {
        snprintf(out, size, "%s", inner);
    }
}

static int level_text(const struct frame *frame, const struct symbol *s, unsigned level, char *out,
                      size_t size)
{
    char function[2 * NAME_SIZE + 16];
    struct symbol_place place = place_of(s, level);
    const char *module = frame->module ? basename(frame->module) : "?";
    if (place.function)
        function_text(s, level, function, sizeof function);
    /* a line of the C library says nothing to who has not its source at hand; its name does */
    bool own_source = !frame->module || !symbol_of_system(frame->module);
    if (place.function && place.line && own_source)
        return snprintf(out, size, "%s %s:%u", function, basename(place.file ? place.file : "?"),
                        place.line);
    if (place.function)
        return snprintf(out, size, "%s (%s)", function, module);
    if (frame->module)
        return snprintf(out, size, "%s+0x%" PRIx64, module, frame->file_offset);
    return snprintf(out, size, "0x%" PRIx64, frame->ip);
}

/* What the function at `own` called, or NULL. */
static const char *called_from(const struct model *m, const struct stack *stack, struct level own)
{
    if (own.level)
        return place_of(symbol_of(m, stack, own.frame), own.level - 1).function;
    if (!own.frame)
        return NULL;
    const struct symbol *s = symbol_of(m, stack, own.frame - 1);
    return place_of(s, s->inlined).function;
}

void caller_frame(const struct model *m, const struct stack *stack, uint32_t frame, char *out,
                  size_t size)
{
    const struct symbol *s = symbol_of(m, stack, frame);
    struct level level = level_with_line(s, frame);
    level_text(&stack->frames[frame], s, level.frame == frame ? level.level : 0, out, size);
}

bool caller_is_own(const struct model *m, const struct stack *stack, uint32_t frame)
{
    const struct symbol *s = symbol_of(m, stack, frame);
    bool starts = s->function && strcmp(s->function, "_start") == 0;
    bool has_line = level_with_line(s, frame).frame == frame;
    return is_own(m, &stack->frames[frame]) && !starts &&
           (has_line || !m->image->statically_linked);
}

bool caller_lacks_line(const struct model *m, uint32_t stack_id)
{
    const struct stack *stack = stacks_find(&m->image->stacks, stack_id);
    if (!stack || symbol_of_system(m->image->exe) || text_starts(m->image->exe, "/usr/") ||
        text_starts(m->image->exe, "/bin/"))
        return false;
    struct level own = own_level(m, stack);
    return own.frame < stack->count && is_own(m, &stack->frames[own.frame]) &&
           !place_of(symbol_of(m, stack, own.frame), own.level).line;
}

/* The function that makes a system call says nothing of who called it. */
static bool is_wrapper(const struct symbol *s)
{
    for (unsigned call = 1; s->function && call < PMT_CALL_COUNT; call++)
        if (strcmp(s->function, names_call(call)) == 0)
            return true;
    return false;
}

static uint32_t innermost(const struct model *m, const struct stack *stack)
{
    uint32_t frame = 0;
    while (m->image->statically_linked && frame + 1 < stack->count &&
           is_wrapper(symbol_of(m, stack, frame)))
        frame++;
    return frame;
}

size_t caller_text(const struct model *m, uint32_t stack_id, char *out, size_t size)
{
    const struct stack *stack = stacks_find(&m->image->stacks, stack_id);
    out[0] = '\0';
    if (!stack || !stack->count)
        return 0;
    struct level own = own_level(m, stack);
    if (own.frame >= stack->count && stack_is_loaders(stack)) {
        snprintf(out, size, "%s", basename(stack_module(stack)));
        return strlen(out);
    }
    if (own.frame >= stack->count)
        own = (struct level){innermost(m, stack), 0};
    level_text(&stack->frames[own.frame], symbol_of(m, stack, own.frame), own.level, out, size);
    size_t used = strlen(out);
    const char *called = called_from(m, stack, own);
    char name[NAME_SIZE];
    if (called) {
        demangle_short(called, name, sizeof name);
        snprintf(out + used, size - used, " -> %s", name);
    }
    return strlen(out);
}
