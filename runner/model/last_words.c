#include "runner/model/last_words.h"
#include "runner/model/aim.h"
#include <string.h>

#define NULL_POINTERS (64u << 10) /* vm.mmap_min_addr, as all distributions have it */
#define NEAR (64u << 10)

const char *place_name(enum place_kind kind)
{
    static const char *const names[] = {[PLACE_NONE] = "none",
                                        [PLACE_REGION] = "region",
                                        [PLACE_FILE_END] = "file end",
                                        [PLACE_NULL] = "null",
                                        [PLACE_STACK_LIMIT] = "stack limit",
                                        [PLACE_REMOVED] = "removed",
                                        [PLACE_BEHIND] = "behind",
                                        [PLACE_BELOW] = "below",
                                        [PLACE_NOWHERE] = "nowhere"};
    return names[kind];
}

/* The kernel lets it grow down to the address of an access, and not beyond its limit. */
static bool is_over_limit(const struct region *stack, const struct pmt_fatal *f)
{
    uint64_t needed = stack->raw.end - (f->addr & ~UINT64_C(4095));
    bool runs_there = f->sp < stack->raw.end && f->addr + NEAR >= f->sp;
    return stack->kind == KIND_STACK && runs_there && f->stack_limit && needed > f->stack_limit;
}

static struct place in_region(const struct image *image, const struct region *r,
                              const struct pmt_fatal *f)
{
    const int end_of_file = 2; /* BUS_ADRERR, where the region is one of a file */
    bool ends = f->r.call == 7 && f->code == end_of_file && r->raw.inode;
    return (struct place){.kind = ends ? PLACE_FILE_END : PLACE_REGION,
                          .region = r,
                          .distance = f->addr - r->raw.start,
                          .block = aim_block_below(image, r, f->addr)};
}

static struct place outside(const struct image *image, const struct pmt_fatal *f)
{
    const struct region_list *map = &image->map.list;
    size_t next = regions_index(&image->map, f->addr);
    const struct region *above = next < map->count ? map->items[next] : NULL;
    const struct region *below = next ? map->items[next - 1] : NULL;
    const struct grave *grave = graves_find(&image->graves, f->addr);
    if (f->addr < NULL_POINTERS)
        return (struct place){.kind = PLACE_NULL, .distance = f->addr};
    if (above && is_over_limit(above, f))
        return (struct place){.kind = PLACE_STACK_LIMIT,
                              .region = above,
                              .distance = above->raw.end - (f->addr & ~UINT64_C(4095))};
    if (grave)
        return (struct place){.kind = PLACE_REMOVED,
                              .region = grave->region,
                              .distance = f->addr - grave->region->raw.start,
                              .grave = grave};
    if (below && !below->tracer && f->addr - below->raw.end < NEAR)
        return (struct place){.kind = PLACE_BEHIND,
                              .region = below,
                              .distance = f->addr - below->raw.end,
                              .block = aim_block_below(image, below, f->addr)};
    if (above && !above->tracer && above->raw.start - f->addr <= NEAR)
        return (struct place){
            .kind = PLACE_BELOW, .region = above, .distance = above->raw.start - f->addr};
    return (struct place){.kind = PLACE_NOWHERE};
}

struct place last_words_place(const struct image *image, const struct pmt_fatal *f)
{
    const struct region *r = regions_find(&image->map, f->addr);
    if (f->access == PMT_ACCESS_NONE)
        return (struct place){.kind = PLACE_NONE};
    return r ? in_region(image, r, f) : outside(image, f);
}

/* malloc/malloc.c, _int_free(): "free(): double free detected in tcache 2", "double free or
 * corruption (fasttop)" ... */
static bool is_about_free(const struct pmt_fatal *f)
{
    const char *message = (const char *)(f + 1);
    static const char *const begins[] = {"free(): ", "double free"};
    for (unsigned i = 0; i < sizeof begins / sizeof *begins; i++) {
        size_t length = strlen(begins[i]);
        if (f->message_size >= length && memcmp(message, begins[i], length) == 0)
            return true;
    }
    return false;
}

const struct freed_block *last_words_freed_before(struct image *image, const struct pmt_fatal *f)
{
    if (!is_about_free(f))
        return NULL;
    struct thread_notes *threads = &image->threads;
    const struct freed *last = thread_notes_freed(threads, thread_notes_get(threads, f->r.tid));
    return last->tid && !allocations_find(&image->allocations, last->addr)
               ? freed_blocks_find(&image->freed, last->addr)
               : NULL;
}
