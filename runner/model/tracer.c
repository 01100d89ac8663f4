#include "runner/model/tracer.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include <string.h>

static bool is_file(const struct tracer_files *files, const struct pmt_region *raw)
{
    for (size_t i = 0; i < files->count; i++) {
        const struct tracer_file *f = &files->items[i];
        if (raw->inode && f->inode == raw->inode && f->dev_major == raw->dev_major &&
            f->dev_minor == raw->dev_minor)
            return true;
    }
    return false;
}

void tracer_add(struct tracer *t, const struct region *r)
{
    struct tracer_files *files = &t->files;
    if (r->raw.inode && !is_file(files, &r->raw))
        *array_add(files->items, files->count, files->room) =
            (struct tracer_file){r->raw.inode, r->raw.dev_major, r->raw.dev_minor};
}

void tracer_files_copy(struct tracer_files *to, const struct tracer_files *from)
{
    for (size_t i = 0; i < from->count; i++)
        *array_add(to->items, to->count, to->room) = from->items[i];
}

void tracer_files_free(struct tracer_files *files)
{
    memory_put(files->items);
}

void tracer_start(struct tracer *t, const struct regions *map)
{
    for (int i = 0; i < 3; i++) {
        const struct region *r = regions_find(map, t->places[i]);
        if (r && t->places[i])
            tracer_add(t, r);
    }
}

bool tracer_names(const struct region *r)
{
    return text_starts(r->path, "/memfd:" PMT_MEMFD_NAME);
}

bool tracer_owns(const struct tracer *t, const struct region *r, unsigned reason)
{
    for (int i = 0; i < 3; i++)
        if (r->raw.start <= t->places[i] && t->places[i] < r->raw.end)
            return true;
    return reason == PMT_REASON_TRACER || tracer_names(r) || is_file(&t->files, &r->raw);
}
