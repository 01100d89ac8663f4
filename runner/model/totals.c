#include "runner/model/totals.h"

static void count(struct total *total, const struct region *r)
{
    total->regions++;
    total->bytes += region_size(r);
}

struct totals totals_of(const struct regions *map)
{
    struct totals t = {0};
    for (size_t i = 0; i < map->list.count; i++) {
        const struct region *r = map->list.items[i];
        count(&t.kinds[r->kind], r);
        if (!r->tracer)
            count(&t.program, r);
    }
    return t;
}
