#include "runner/views/export_massif.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include "runner/symbols/demangle.h"
#include "runner/views/export_frames.h"
#include <inttypes.h>
#include <stdlib.h>

#define DEEPEST 30u /* levels of a tree, as massif's --depth */
#define THRESHOLD(all) ((all) / 100)
/* Of a shorter run nobody would see anything over time: as with massif's --time-unit=B. */
#define SHORT_NS 100000000u

/* A stack with bytes, its return addresses innermost first. */
struct leaf {
    const struct stack *stack; /* NULL: not known */
    uint32_t id;
    uint64_t bytes;
};

static uint64_t ip_at(const struct leaf *leaf, unsigned depth)
{
    return leaf->stack && depth < leaf->stack->count ? leaf->stack->frames[depth].ip : 0;
}

static int by_frames(const void *left, const void *right)
{
    const struct leaf *a = left, *b = right;
    for (unsigned depth = 0; depth < DEEPEST; depth++) {
        uint64_t x = ip_at(a, depth), y = ip_at(b, depth);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return (a->id > b->id) - (a->id < b->id);
}

/* Those of `leaves` that have the same frame at `depth` as the first. */
static size_t group_of(const struct leaf *leaves, size_t count, unsigned depth, uint64_t *bytes)
{
    size_t size = 0;
    *bytes = 0;
    while (size < count && ip_at(&leaves[size], depth) == ip_at(&leaves[0], depth))
        *bytes += leaves[size++].bytes;
    return size;
}

static void put_frame(FILE *out, const struct model *m, const struct leaf *leaf, unsigned depth)
{
    const struct frame *frame = &leaf->stack->frames[depth];
    const struct symbol *s = stacks_symbol(&m->image->stacks, frame, false);
    char name[EXPORT_NAME_SIZE] = "???";
    if (s->function)
        demangle_short(s->function, name, sizeof name);
    fprintf(out, "0x%" PRIX64 ": ", frame->ip);
    text_escape(out, name, strlen(name), 0);
    if (s->file && s->line) {
        fputs(" (", out);
        text_escape(out, basename(s->file), strlen(basename(s->file)), 0);
        fprintf(out, ":%u)", s->line);
    } else if (frame->module) {
        fputs(" (in ", out);
        text_escape(out, frame->module, strlen(frame->module), 0);
        fputc(')', out);
    }
    fputc('\n', out);
}

/* What the callers at `depth` of these leaves come to: "n2: 4096 0x...: f (a.c:5)" and so on. */
static void put_children(FILE *out, const struct model *m, const struct leaf *leaves, size_t count,
                         unsigned depth, uint64_t all)
{
    uint64_t bytes, rest = 0;
    size_t places = 0;
    for (size_t i = 0, size; i < count; i += size) {
        size = group_of(leaves + i, count - i, depth, &bytes);
        if (!ip_at(&leaves[i], depth))
            continue;
        if (bytes < THRESHOLD(all)) {
            rest += bytes;
            places++;
            continue;
        }
        unsigned children = 0, below = 0;
        uint64_t part;
        for (size_t k = i, inner; depth + 1 < DEEPEST && k < i + size; k += inner) {
            inner = group_of(leaves + k, i + size - k, depth + 1, &part);
            if (ip_at(&leaves[k], depth + 1))
                *(part < THRESHOLD(all) ? &below : &children) += 1;
        }
        fprintf(out, "%*sn%u: %" PRIu64 " ", (int)depth + 1, "", children + (below > 0), bytes);
        put_frame(out, m, &leaves[i], depth);
        if (children + below)
            put_children(out, m, leaves + i, size, depth + 1, all);
    }
    if (places)
        fprintf(out, "%*sn0: %" PRIu64 " in %zu place%s below massif's threshold (1.00%%)\n",
                (int)depth + 1, "", rest, places, places == 1 ? "," : "s, all");
}

static void put_tree(FILE *out, const struct model *m, const struct export_sums *sums, bool peak)
{
    struct leaf *leaves = memory_get((sums->room + 1) * sizeof *leaves);
    size_t count = 0;
    uint64_t all = 0, bytes;
    unsigned children = 0, below = 0;
    for (uint32_t id = 0; id < sums->room; id++) {
        bytes = peak ? sums->items[id].peak : sums->items[id].live;
        if (bytes)
            leaves[count++] = (struct leaf){stacks_find(&m->image->stacks, id), id, bytes};
        all += bytes;
    }
    if (count)
        qsort(leaves, count, sizeof *leaves, by_frames);
    for (size_t i = 0, size; i < count; i += size) {
        size = group_of(leaves + i, count - i, 0, &bytes);
        if (ip_at(&leaves[i], 0))
            *(bytes < THRESHOLD(all) ? &below : &children) += 1;
    }
    fprintf(out,
            "n%u: %" PRIu64 " (heap allocation functions) malloc/new/new[], --alloc-fns, etc.\n",
            children + (below > 0), all);
    put_children(out, m, leaves, count, 0, all);
    memory_put(leaves);
}

static void put_moment(FILE *out, size_t number, const struct export_moment *moment, bool by_time,
                       const char *tree)
{
    fprintf(out,
            "#-----------\nsnapshot=%zu\n#-----------\ntime=%" PRIu64 "\nmem_heap_B=%" PRIu64
            "\nmem_heap_extra_B=%" PRIu64 "\nmem_stacks_B=%" PRIu64 "\nheap_tree=%s\n",
            number, by_time ? moment->t_ns / 1000000 : moment->moved, moment->live, moment->extra,
            moment->stack, tree);
}

static void put_command(FILE *out, const struct image *image)
{
    fputs("cmd:", out);
    for (size_t at = 0; at < image->argv_size; at += strlen(image->argv + at) + 1) {
        fputc(' ', out);
        text_escape(out, image->argv + at, strlen(image->argv + at), 0);
    }
    fputc('\n', out);
}

/* The peak stands where it was among the others; the last one is the end. */
void export_massif(FILE *out, const struct model *m, const struct export_sums *sums)
{
    size_t number = 0;
    bool peak_told = false, by_time = sums->now.t_ns > SHORT_NS;
    fputs("desc: procmap-trace\n", out);
    put_command(out, m->image);
    fprintf(out, "time_unit: %s\n", by_time ? "ms" : "B");
    for (size_t i = 0; i < sums->moment_count; i++) {
        const struct export_moment *moment = &sums->moments[i];
        if (!peak_told && sums->peak.live && moment->t_ns >= sums->peak.t_ns) {
            put_moment(out, number++, &sums->peak, by_time, "peak");
            put_tree(out, m, sums, true);
            peak_told = true;
        }
        bool last = i + 1 == sums->moment_count && moment->live;
        put_moment(out, number++, moment, by_time, last ? "detailed" : "empty");
        if (last)
            put_tree(out, m, sums, false);
    }
}
