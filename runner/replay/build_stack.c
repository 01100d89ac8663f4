#include "runner/replay/build_stack.h"
#include "runner/replay/draft.h"
#include "runner/replay/failure.h"
#include "runner/replay/field.h"

/* A copy of the string `key` that lives as long as the replay; NULL if there is none. */
static const char *find_interned(struct replay *p, const json_t *object, const char *key)
{
    return names_intern(&p->names, json_string_value(json_object_get(object, key)));
}

static struct symbol_place build_place(struct replay *p, const json_t *object)
{
    return (struct symbol_place){find_interned(p, object, "function"),
                                 find_interned(p, object, "file"),
                                 (unsigned)field_find_unsigned(p, object, "line", UINT32_MAX)};
}

static void build_inlined(struct replay *p, const json_t *frame, struct frame_symbol *out)
{
    const json_t *places = field_array(p, frame, "inlined_into", SYMBOL_MAX_INLINED);
    out->symbol.inlined = (unsigned)json_array_size(places);
    for (unsigned i = 0; i < out->symbol.inlined; i++) {
        const json_t *place = json_array_get(places, i);
        if (!json_is_object(place))
            failure_field(p, "inlined_into", "an array of objects");
        p->inlined_into[p->index][i] = build_place(p, place);
    }
}

static void build_symbol(struct replay *p, const json_t *frame, struct frame_symbol *out)
{
    const struct symbol_place place = build_place(p, frame);
    out->module = find_interned(p, frame, "module");
    out->symbol = (struct symbol){.function = place.function,
                                  .file = place.file,
                                  .line = place.line,
                                  .inlined_into = p->inlined_into[p->index]};
    if (json_object_get(frame, "inlined_into"))
        build_inlined(p, frame, out);
    if (place.function || out->module || place.file || place.line)
        p->has_symbols = true;
}

void build_stack(struct replay *p, const json_t *event)
{
    struct pmt_stack *s = draft_start(p, PMT_RECORD_STACK, sizeof *s);
    s->r.stack_id = (uint32_t)field_unsigned(p, event, "id", UINT32_MAX);
    const json_t *frames = field_array(p, event, "frames", PMT_MAX_FRAMES);
    p->list = "frames";
    for (p->index = 0; p->index < json_array_size(frames); p->index++) {
        const json_t *frame = json_array_get(frames, p->index);
        uint64_t ip = field_address(p, frame, "ip");
        draft_append(p, &ip, sizeof ip);
        build_symbol(p, frame, &p->symbols[p->index]);
    }
    p->list = NULL;
    s->frames = (uint32_t)json_array_size(frames);
    s->cut = json_object_get(event, "cut") && field_bool(p, event, "cut");
}
