#include "runner/replay/word_sizes.h"
#include "runner/base/array.h"

static size_t place_of_image(const struct replay *p, uint32_t image)
{
    size_t at = p->image_count;
    while (at > 0 && p->images[at - 1].number != image)
        at--;
    return at; /* behind it; 0: not known */
}

void word_sizes_set(struct replay *p, uint32_t image, unsigned word_size)
{
    size_t at = place_of_image(p, image);
    p->word_size = p->word_size ? p->word_size : word_size;
    struct replay_image *known =
        at ? &p->images[at - 1] : array_add(p->images, p->image_count, p->image_room);
    *known = (struct replay_image){image, word_size};
}

unsigned word_sizes_of(const struct replay *p, uint32_t image)
{
    size_t at = place_of_image(p, image ? image : 1);
    return at ? p->images[at - 1].word_size : p->word_size;
}

void word_sizes_forget(struct replay *p, uint32_t image)
{
    size_t at = place_of_image(p, image);
    if (at)
        p->images[at - 1] = p->images[--p->image_count];
}
