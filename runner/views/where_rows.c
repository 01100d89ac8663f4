#include "runner/views/where_rows.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/model/aim.h"
#include "runner/views/caller.h"
#include "runner/views/variable_text.h"
#include <inttypes.h>

#define TARGET_SIZE 500u

static const char *kind_of(const struct region *r)
{
    return kind_name(r->kind);
}

/* "data", "data, its end in bss", or why it is nowhere. */
static void place_text(const struct model *m, const struct pmt_variable *v, char *out, size_t size)
{
    static const char *const nowhere[PMT_PLACE_COUNT] = {[PMT_PLACE_MEMORY] = N_("not mapped"),
                                                         [PMT_PLACE_REGISTER] = N_("a register"),
                                                         [PMT_PLACE_THREAD] = N_("each thread"),
                                                         [PMT_PLACE_CONSTANT] = N_("the code"),
                                                         [PMT_PLACE_OPTIMIZED_OUT] =
                                                             N_("optimised away"),
                                                         [PMT_PLACE_UNCALLED] = N_("not called"),
                                                         [PMT_PLACE_UNKNOWN] = N_("not known")};
    const struct regions *map = &m->image->map;
    const struct region *first = v->addr ? regions_find(map, v->addr) : NULL;
    const struct region *last = regions_find(map, v->addr + (v->size ? v->size - 1 : 0));
    if (!first)
        snprintf(out, size, "%s", _(nowhere[v->place]));
    else if (last && last->kind != first->kind && last != first)
        snprintf(out, size, "%s, %s", kind_of(first), kind_of(last));
    else
        snprintf(out, size, "%s", kind_of(first));
}

static void block_text(const struct model *m, const struct aim *aim, char *out, size_t size)
{
    char bytes[TEXT_BYTES], caller[300];
    const char *where = aim->region ? kind_of(aim->region) : _("not mapped any more");
    uint32_t stack_id = aim->block ? aim->block->stack_id : aim->freed->freed_by;
    bool known = caller_text(m, stack_id, caller, sizeof caller);
    text_bytes(bytes, aim->block ? aim->block->size : aim->freed->size);
    snprintf(out, size, _("%s: %s of %s%s%s"), where,
             aim->block ? _("the block") : _("a freed block"), bytes,
             !known       ? ""
             : aim->block ? _(", by ")
                          : _(", freed by "),
             known ? caller : "");
}

static void target_text(const struct model *m, const struct pmt_variable *v, const char *text,
                        char *out, size_t size)
{
    struct aim aim = aim_at(m->image, v->value);
    if (aim.block || aim.freed)
        block_text(m, &aim, out, size);
    else if (!aim.region)
        snprintf(out, size, _("nothing is mapped there"));
    else if (v->text_size)
        snprintf(out, size, "%s: \"%s\"", kind_of(aim.region), text);
    else
        snprintf(out, size, "%s%s%s", kind_of(aim.region), aim.function ? ": " : "",
                 aim.function ? aim.function : "");
}

static bool is_named(const char *names, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = names; length && (at = strstr(at, name)) != NULL; at += length) {
        bool begins = at == names || at[-1] == ',';
        if (begins && (at[length] == ',' || !at[length]))
            return true;
    }
    return false;
}

void where_rows_add(struct where_rows *rows, const struct model *m, const struct pmt_variable *v,
                    const char *names)
{
    struct variable_strings s;
    char value[VARIABLE_VALUE_SIZE], in[TARGET_SIZE], target[TARGET_SIZE] = "";
    variable_strings(v, &s);
    if (names && !is_named(names, s.name) && !is_named(names, s.function))
        return;
    variable_value(v, s.text, value);
    place_text(m, v, in, sizeof in);
    if (v->value_is == PMT_VALUE_POINTER && v->value)
        target_text(m, v, s.text, target, sizeof target);
    *array_add(rows->items, rows->count, rows->room) = (struct where_row){*v,
                                                                          memory_text(s.name),
                                                                          memory_text(s.type),
                                                                          memory_text(s.function),
                                                                          memory_text(value),
                                                                          memory_text(in),
                                                                          memory_text(target)};
}

void where_rows_free(struct where_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        const struct where_row *r = &rows->items[i];
        const char *const texts[] = {r->name, r->type, r->function, r->value, r->in, r->target};
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            memory_put((void *)texts[k]);
    }
    memory_put(rows->items);
    *rows = (struct where_rows){0};
}
