#include "runner/model/inheritance.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include <string.h>

#define MOST_OF_ONE 8u    /* unclaimed ones of a parent: the oldest goes */
#define MOST_OF_ENDED 64u /* of all parents that are gone: a daemon's first image */

static void drop(struct inheritance *in)
{
    region_list_free(&in->map.list);
    allocations_free(&in->allocations);
    stacks_free(&in->stacks);
    tracer_files_free(&in->tracer_files);
}

static struct inheritance take_out(struct inheritances *all, size_t at)
{
    struct inheritance in = all->items[at];
    memmove(all->items + at, all->items + at + 1, (--all->count - at) * sizeof *all->items);
    return in;
}

/* While there are more than `most` that have no parent any more (image 0), or that are of one
 * image, the oldest of them is dropped. */
static void limit(struct inheritances *all, uint32_t image, size_t most)
{
    size_t count = 0;
    for (size_t i = all->count; i-- > 0;) {
        const struct inheritance *in = &all->items[i];
        if (image ? in->orphaned || in->image != image : !in->orphaned)
            continue;
        if (++count <= most)
            continue;
        struct inheritance old = take_out(all, i);
        drop(&old);
    }
}

struct inheritance inheritance_of(const struct image *parent, uint32_t tid, uint32_t fork_id)
{
    struct inheritance in = {.image = parent->number,
                             .pid = parent->pid,
                             .tid = tid,
                             .fork_id = fork_id,
                             .mmap_threshold = parent->mmap_threshold,
                             .trim_threshold = parent->trim_threshold};
    region_list_copy(&in.map.list, &parent->map.list);
    allocations_copy(&in.allocations, &parent->allocations);
    stacks_init(&in.stacks, parent->stacks.symbols, parent->stacks.names);
    stacks_inherit(&in.stacks, &parent->stacks);
    tracer_files_copy(&in.tracer_files, &parent->tracer.files);
    return in;
}

void inheritance_keep(struct inheritances *all, const struct image *parent, uint32_t tid,
                      uint32_t fork_id)
{
    limit(all, parent->number, MOST_OF_ONE - 1);
    *array_add(all->items, all->count, all->room) = inheritance_of(parent, tid, fork_id);
}

bool inheritance_take(struct inheritances *all, const struct image *child, struct inheritance *out)
{
    for (size_t at = all->count; at-- > 0;)
        if (all->items[at].pid == child->ppid && all->items[at].fork_id == child->fork_id) {
            *out = take_out(all, at);
            return true;
        }
    return false;
}

/* Other threads of the parent may have named stacks between the fork's record and the fork: the
 * parent's later ones are filled in. */
void inheritance_give(const struct inheritance *in, struct image *child, const struct image *parent)
{
    allocations_free(&child->allocations);
    child->allocations = in->allocations;
    child->stacks = in->stacks;
    if (parent)
        stacks_inherit(&child->stacks, &parent->stacks);
    child->inherited = in->map;
    child->mmap_threshold = in->mmap_threshold;
    child->trim_threshold = in->trim_threshold;
    child->tracer.files = in->tracer_files;
    child->forker = in->tid;
}

void inheritance_orphan(struct inheritances *all, uint32_t image)
{
    for (size_t i = 0; i < all->count; i++)
        all->items[i].orphaned |= all->items[i].image == image;
    limit(all, 0, MOST_OF_ENDED);
}

void inheritance_free(struct inheritances *all)
{
    for (size_t i = 0; i < all->count; i++)
        drop(&all->items[i]);
    memory_put(all->items);
}
