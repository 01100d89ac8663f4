#include "runner/views/resident_rows.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include <string.h>

static bool is_of_library(enum kind kind)
{
    return kind >= KIND_LIB_CODE && kind <= KIND_LIB_BSS;
}

/* A stack grows downwards: it is known by its end. Others by where they begin. */
static uint64_t key_of(const struct pmt_resident_region *r, const struct region *known)
{
    return known->grows ? r->end : r->start;
}

static const char *name_of(const struct region *r)
{
    return r->path[0] == '/' ? basename(r->path) : "";
}

/* The .bss behind a library has no name: `before` is the row of the region below. */
static struct resident_row *row_of(struct resident_rows *rows, const struct pmt_resident_region *r,
                                   const struct region *known, struct resident_row *before)
{
    bool is_library = is_of_library(known->kind);
    uint64_t key = key_of(r, known);
    if (is_library && before && before->is_library &&
        (known->kind == KIND_LIB_BSS || strcmp(before->name, name_of(known)) == 0))
        return before;
    for (size_t i = 0; i < rows->count; i++)
        if (rows->items[i].key == key && rows->items[i].kind == known->kind)
            return &rows->items[i];
    struct resident_row *row = array_add(rows->items, rows->count, rows->room);
    *row = (struct resident_row){.key = key,
                                 .kind = known->kind,
                                 .name = memory_text(name_of(known)),
                                 .is_library = is_library};
    return row;
}

void resident_rows_add(struct resident_rows *rows, const struct model *m,
                       const struct pmt_resident *x)
{
    const struct pmt_resident_region *r = (const struct pmt_resident_region *)(x + 1);
    size_t moment = rows->moment_count;
    struct resident_row *row = NULL;
    if (moment == RESIDENT_MOMENTS)
        return;
    rows->moments[moment].moment = (enum pmt_moment)x->r.call;
    memcpy(rows->moments[moment].label, r + x->regions, x->label_size);
    rows->moments[moment].label[x->label_size] = '\0';
    rows->moment_count++;
    for (uint32_t i = 0; i < x->regions; i++) {
        const struct region *known = regions_find(&m->image->map, r[i].end - 1);
        if (!known || known->tracer)
            continue;
        row = row_of(rows, &r[i], known, row);
        row->cells[moment].mapped += r[i].end - r[i].start;
        row->cells[moment].touched += r[i].resident + r[i].swapped;
    }
}

void resident_rows_free(struct resident_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        memory_put((void *)rows->items[i].name);
    memory_put(rows->items);
    *rows = (struct resident_rows){0};
}
