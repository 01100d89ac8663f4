#include "runner/views/export_frames.h"
#include "runner/symbols/demangle.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void add(struct export_frames *out, const struct frame *frame,
                const struct symbol_place *place, bool inlined)
{
    if (out->count == EXPORT_FRAMES_MAX)
        return;
    char *name = out->names[out->count];
    const char *module = frame->module ? frame->module : "";
    if (place->function)
        demangle_short(place->function, name, EXPORT_NAME_SIZE);
    else if (*module)
        snprintf(name, EXPORT_NAME_SIZE, "%.300s+0x%" PRIx64, basename(module), frame->file_offset);
    else
        snprintf(name, EXPORT_NAME_SIZE, "0x%" PRIx64, frame->ip);
    out->items[out->count++] = (struct export_frame){.function = name,
                                                     .file = place->file ? place->file : "",
                                                     .line = place->line,
                                                     .module = module,
                                                     .ip = frame->ip,
                                                     .inlined = inlined};
}

void export_frames_of(const struct model *m, uint32_t stack_id, struct export_frames *out)
{
    const struct stack *stack = stacks_find(&m->image->stacks, stack_id);
    out->count = 0;
    for (uint32_t i = 0; stack && i < stack->count; i++) {
        const struct frame *frame = &stack->frames[i];
        const struct symbol *s = stacks_symbol(&m->image->stacks, frame, false);
        add(out, frame, &(struct symbol_place){s->function, s->file, s->line}, s->inlined > 0);
        for (unsigned level = 0; level < s->inlined; level++)
            add(out, frame, &s->inlined_into[level], level + 1 < s->inlined);
    }
}
