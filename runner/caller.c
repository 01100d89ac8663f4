#include "caller.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A statically linked program contains the C library: its own part is what has lines, if anything.
 */
static uint32_t first_with_line(const struct model *m, const struct stack *stack)
{
    for (uint32_t i = 0; i < stack->count; i++)
        if (stacks_symbol(&m->image->stacks, &stack->frames[i], false)->line)
            return i;
    return 0;
}

/* The innermost frame of the program itself; if there is none, of any library but the C library's.
 */
static uint32_t own_frame(const struct model *m, const struct stack *stack)
{
    uint32_t other = stack->count;
    if (m->image->statically_linked)
        return first_with_line(m, stack);
    for (uint32_t i = 0; i < stack->count; i++) {
        const char *module = stacks_symbol(&m->image->stacks, &stack->frames[i], false)->module;
        if (!module)
            continue;
        if (m->image->exe && strcmp(module, m->image->exe) == 0)
            return i;
        const char *name = base_name(module);
        if (other == stack->count && strncmp(name, "libc.", 5) != 0 &&
            strncmp(name, "libc-", 5) != 0 && strncmp(name, "ld-", 3) != 0)
            other = i;
    }
    return other < stack->count ? other : 0;
}

/* A line of the C library says nothing to who has not its source at hand; its name does. */
static bool is_of_system(const char *module)
{
    return module && (strncmp(module, "/lib", 4) == 0 || strncmp(module, "/usr/lib", 8) == 0);
}

static int frame_text(const struct model *m, const struct frame *frame, char *out, size_t size)
{
    const struct frame_symbol *s = stacks_symbol(&m->image->stacks, frame, false);
    const char *module = s->module ? base_name(s->module) : "?";
    if (s->function && s->line && !is_of_system(s->module))
        return snprintf(out, size, "%s %s:%u", s->function, base_name(s->file ? s->file : "?"),
                        s->line);
    if (s->function)
        return snprintf(out, size, "%s (%s)", s->function, module);
    if (s->module)
        return snprintf(out, size, "%s+0x%" PRIx64, module, frame->file_offset);
    return snprintf(out, size, "0x%" PRIx64, frame->ip);
}

size_t caller_text(const struct model *m, uint32_t stack_id, char *out, size_t size)
{
    const struct stack *stack = stacks_find(&m->image->stacks, stack_id);
    out[0] = '\0';
    if (!stack || !stack->count)
        return 0;
    uint32_t own = own_frame(m, stack);
    frame_text(m, &stack->frames[own], out, size);
    size_t used = strlen(out);
    if (own > 0) {
        const char *called =
            stacks_symbol(&m->image->stacks, &stack->frames[own - 1], false)->function;
        if (called)
            snprintf(out + used, size - used, " -> %s", called);
    }
    return strlen(out);
}
