#include "runner/model/images.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include <string.h>

#define MOST_OF_ONE 8u    /* unclaimed ones of a parent: the oldest goes */
#define MOST_OF_ENDED 64u /* of all parents that are gone: a daemon's first image */

/* Where an image with that number is, or belongs. */
static size_t place(const struct images *images, uint32_t number)
{
    return array_first(at, images->count, images->live[at]->number >= number);
}

struct image *images_find(const struct images *images, uint32_t number)
{
    size_t at = place(images, number);
    return at < images->count && images->live[at]->number == number ? images->live[at] : NULL;
}

static const struct image *live_of_pid(const struct images *images, uint32_t pid)
{
    for (size_t i = images->count; i-- > 0;)
        if (images->live[i]->pid == pid)
            return images->live[i];
    return NULL;
}

/* ---- what forks leave for children, which come later, or never ---- */

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

/* What a child of `parent` inherits when it is forked now by thread `tid`. */
static struct inheritance leave(const struct image *parent, uint32_t tid, uint32_t fork_id)
{
    struct inheritance in = {.image = parent->number,
                             .pid = parent->pid,
                             .tid = tid,
                             .fork_id = fork_id,
                             .thresholds = parent->thresholds,
                             .dynamic_threshold = parent->dynamic_threshold};
    region_list_copy(&in.map.list, &parent->map.list);
    allocations_copy(&in.allocations, &parent->allocations);
    stacks_init(&in.stacks, parent->stacks.symbols, parent->stacks.names);
    stacks_inherit(&in.stacks, &parent->stacks);
    tracer_files_copy(&in.tracer_files, &parent->tracer.files);
    return in;
}

void images_fork(struct images *images, const struct image *parent, uint32_t tid, uint32_t fork_id)
{
    struct inheritances *all = &images->inheritances;
    limit(all, parent->number, MOST_OF_ONE - 1);
    *array_add(all->items, all->count, all->room) = leave(parent, tid, fork_id);
}

/* What its fork left for `child`; false: nothing. */
static bool take(struct inheritances *all, const struct image *child, struct inheritance *out)
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
static void give(const struct inheritance *in, struct image *child, const struct image *parent)
{
    allocations_free(&child->allocations);
    child->allocations = in->allocations;
    child->stacks = in->stacks;
    if (parent)
        stacks_inherit(&child->stacks, &parent->stacks);
    child->inherited = in->map;
    child->thresholds = in->thresholds;
    child->dynamic_threshold = in->dynamic_threshold;
    child->tracer.files = in->tracer_files;
    child->forker = in->tid;
}

/* A fork that nobody saw has left nothing (clone(2) called in a way of its own): what its parent
 * has now is near enough. */
static void claim(struct images *images, struct image *child)
{
    struct inheritance in;
    const struct image *parent = live_of_pid(images, child->ppid);
    if (take(&images->inheritances, child, &in))
        parent = images_find(images, in.image);
    else if (child->fork_id == 0 && parent)
        in = leave(parent, child->ppid, 0);
    else
        return;
    give(&in, child, parent);
}

/* ---- images come and go ---- */

/* NULL if the number is in use. */
struct image *images_new(struct images *images, const struct event *event)
{
    uint32_t number = event->image ? event->image : 1;
    if (images_find(images, number))
        return NULL;
    struct image *image = image_new(number, (const struct pmt_process *)event->record,
                                    images->symbols, &images->names);
    if (images->total++ == 0)
        images->first_pid = image->pid;
    image->of_first = image->pid == images->first_pid;
    if (image->origin == PMT_ORIGIN_FORK)
        claim(images, image);
    size_t at = place(images, number);
    array_add(images->live, images->count, images->room);
    memmove(images->live + at + 1, images->live + at,
            (images->count - 1 - at) * sizeof *images->live);
    return images->live[at] = image;
}

void images_forget(struct images *images, struct image *image)
{
    size_t at = place(images, image->number);
    images->count--;
    memmove(images->live + at, images->live + at + 1, (images->count - at) * sizeof *images->live);
    struct inheritances *all = &images->inheritances;
    for (size_t i = 0; i < all->count; i++)
        all->items[i].orphaned |= all->items[i].image == image->number;
    limit(all, 0, MOST_OF_ENDED);
    image_free(image);
}

void images_free(struct images *images)
{
    for (size_t i = 0; i < images->inheritances.count; i++)
        drop(&images->inheritances.items[i]);
    memory_put(images->inheritances.items);
    memory_put(images->live);
    names_free(&images->names);
}
