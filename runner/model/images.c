#include "runner/model/images.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"
#include <string.h>

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

/* A fork that nobody saw has left nothing (clone(2) called in a way of its own): what its parent
 * has now is near enough. */
static void claim(struct images *images, struct image *child)
{
    struct inheritance in;
    const struct image *parent = live_of_pid(images, child->ppid);
    if (inheritance_take(&images->inheritances, child, &in))
        parent = images_find(images, in.image);
    else if (child->fork_id == 0 && parent)
        in = inheritance_of(parent, child->ppid, 0);
    else
        return;
    inheritance_give(&in, child, parent);
}

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
    inheritance_orphan(&images->inheritances, image->number);
    image_free(image);
}

void images_free(struct images *images)
{
    inheritance_free(&images->inheritances);
    memory_put(images->live);
    names_free(&images->names);
}
