#include "runner/base/memory.h"
#include "runner/model/state.h"
#include <string.h>

#define INHERITANCES_OF_ONE 8u    /* unclaimed ones of a parent: the oldest goes */
#define INHERITANCES_OF_ENDED 64u /* of all parents that are gone: a daemon's first image */

void images_init(struct model *m, struct symbols *symbols)
{
    m->state = memory_get(sizeof *m->state);
    m->state->symbols = symbols;
}

/* Where an image with that number is, or belongs. */
static size_t place(const struct model_state *s, uint32_t number)
{
    size_t low = 0, high = s->live_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->live[middle]->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct image *images_find(const struct model *m, uint32_t number)
{
    const struct model_state *s = m->state;
    size_t at = place(s, number);
    return at < s->live_count && s->live[at]->number == number ? s->live[at] : NULL;
}

static const struct image *live_of_pid(const struct model_state *s, uint32_t pid)
{
    for (size_t i = s->live_count; i-- > 0;)
        if (s->live[i]->pid == pid)
            return s->live[i];
    return NULL;
}

static void add_live(struct model_state *s, struct image *image)
{
    if (s->live_count == s->live_room) {
        s->live_room = s->live_room ? s->live_room * 2 : 16;
        s->live = memory_resize(s->live, s->live_room * sizeof(struct image *));
    }
    size_t at = place(s, image->number);
    memmove(s->live + at + 1, s->live + at, (s->live_count - at) * sizeof(struct image *));
    s->live[at] = image;
    s->live_count++;
}

/* ---- what forks leave ---- */

static void tracer_files_copy(struct tracer_files *to, const struct tracer_files *from)
{
    *to = (struct tracer_files){memory_get(from->count * sizeof *from->items), from->count,
                                from->count};
    if (from->count)
        memcpy(to->items, from->items, from->count * sizeof *from->items);
}

static void free_inheritance(struct inheritance *i)
{
    region_list_free(&i->map.list);
    allocations_free(&i->allocations);
    stacks_free(&i->stacks);
    memory_put(i->tracer_files.items);
}

static void remove_inheritance(struct model_state *s, size_t at)
{
    s->inheritance_count--;
    memmove(s->inheritances + at, s->inheritances + at + 1,
            (s->inheritance_count - at) * sizeof *s->inheritances);
}

/* While there are more than `most` that have no parent any more (image 0), or that are of one
 * image, the oldest of them is dropped. */
static void limit_inheritances(struct model_state *s, uint32_t image, size_t most)
{
    size_t count = 0;
    for (size_t i = s->inheritance_count; i-- > 0;) {
        const struct inheritance *in = &s->inheritances[i];
        if (image ? in->orphaned || in->image != image : !in->orphaned)
            continue;
        if (++count <= most)
            continue;
        free_inheritance(&s->inheritances[i]);
        remove_inheritance(s, i);
    }
}

/* What a child of `image` inherits when it is forked now by thread `tid`. */
static struct inheritance inheritance_of(struct model_state *s, const struct image *image,
                                         uint32_t tid, uint32_t fork_id)
{
    struct inheritance in = {.image = image->number,
                             .pid = image->pid,
                             .tid = tid,
                             .fork_id = fork_id,
                             .mmap_threshold = image->mmap_threshold,
                             .trim_threshold = image->trim_threshold};
    region_list_copy(&in.map.list, &image->map.list);
    allocations_copy(&in.allocations, &image->allocations);
    stacks_init(&in.stacks, s->symbols, &s->names);
    stacks_inherit(&in.stacks, &image->stacks);
    tracer_files_copy(&in.tracer_files, &image->state->tracer_files);
    return in;
}

void images_keep_for_child(struct model *m, const struct event *event)
{
    struct model_state *s = m->state;
    const struct image *image = m->image;
    limit_inheritances(s, image->number, INHERITANCES_OF_ONE - 1);
    if (s->inheritance_count == s->inheritance_room) {
        s->inheritance_room = s->inheritance_room ? s->inheritance_room * 2 : 8;
        s->inheritances =
            memory_resize(s->inheritances, s->inheritance_room * sizeof *s->inheritances);
    }
    s->inheritances[s->inheritance_count++] = inheritance_of(
        s, image, event->record->tid, ((const struct pmt_fork *)event->record)->fork_id);
}

/* A fork that nobody saw has left nothing (clone(2) called in a way of its own): what its parent
 * has now is near enough. */
static bool inherit_unseen(struct model *m, const struct image *child, struct inheritance *out)
{
    const struct image *parent = live_of_pid(m->state, child->ppid);
    if (child->fork_id != 0 || !parent)
        return false;
    *out = inheritance_of(m->state, parent, child->ppid, 0);
    return true;
}

static bool take_inheritance(struct model *m, const struct image *child, struct inheritance *out)
{
    struct model_state *s = m->state;
    for (size_t at = s->inheritance_count; at-- > 0;)
        if (s->inheritances[at].pid == child->ppid &&
            s->inheritances[at].fork_id == child->fork_id) {
            *out = s->inheritances[at];
            remove_inheritance(s, at);
            return true;
        }
    return inherit_unseen(m, child, out);
}

/* The child takes over what its parent's fork left for it. Other threads of the parent may have
 * named stacks between the fork's record and the fork: the parent's later ones are filled in. */
static void claim(struct model *m, struct image *child)
{
    struct inheritance in;
    if (!take_inheritance(m, child, &in))
        return;
    const struct image *parent = images_find(m, in.image);
    allocations_free(&child->allocations);
    child->allocations = in.allocations;
    child->stacks = in.stacks;
    if (parent)
        stacks_inherit(&child->stacks, &parent->stacks);
    child->inherited = in.map;
    child->mmap_threshold = in.mmap_threshold;
    child->trim_threshold = in.trim_threshold;
    child->state->tracer_files = in.tracer_files;
    child->state->forker = in.tid;
}

/* ---- images ---- */

static char *copy_bytes(const char *bytes, size_t size)
{
    char *copy = memory_get(size + 1);
    memcpy(copy, bytes, size);
    return copy;
}

static void take_record(struct image *image, const struct pmt_process *p)
{
    const char *exe = (const char *)(p + 1), *libc = exe + p->exe_size, *argv = libc + p->libc_size;
    image->pid = p->pid;
    image->ppid = p->ppid;
    image->origin = (enum pmt_origin)p->origin;
    image->fork_id = p->fork_id;
    image->backend = (enum pmt_backend)p->backend;
    image->word_size = p->word_size;
    image->pie = p->pie;
    image->query = p->query;
    image->dynamic_threshold = p->dynamic_threshold;
    image->statically_linked = p->statically_linked;
    image->blind = p->blind;
    image->page_size = p->page_size;
    image->mmap_threshold = p->mmap_threshold;
    image->mmap_threshold_max = p->mmap_threshold_max;
    image->trim_threshold = p->trim_threshold;
    image->stack_end = p->stack_end;
    memcpy(image->tracer, p->tracer, sizeof image->tracer);
    image->wall_time = p->wall_time;
    image->exe = copy_bytes(exe, p->exe_size);
    image->libc = copy_bytes(libc, p->libc_size);
    image->argv = copy_bytes(argv, p->argv_size);
    image->argv_size = p->argv_size;
}

/* NULL if the number is in use. */
struct image *images_new(struct model *m, const struct event *event)
{
    uint32_t number = event->image ? event->image : 1;
    if (images_find(m, number))
        return NULL;
    struct image *image = memory_get(sizeof *image);
    image->number = number;
    image->state = memory_get(sizeof *image->state);
    allocations_init(&image->allocations);
    stacks_init(&image->stacks, m->state->symbols, &m->state->names);
    take_record(image, (const struct pmt_process *)event->record);
    if (!m->started)
        m->first_pid = image->pid;
    image->of_first = image->pid == m->first_pid;
    m->started = true;
    m->images++;
    if (image->origin == PMT_ORIGIN_FORK)
        claim(m, image);
    add_live(m->state, image);
    return image;
}

static void free_image(struct image *image)
{
    struct image_state *s = image->state;
    for (size_t i = 0; i < s->thread_count; i++)
        change_list_free(&s->threads[i].waiting);
    memory_put(s->threads);
    memory_put(s->tracer_files.items);
    region_list_free(&s->gone);
    region_list_free(&s->fresh);
    region_list_free(&s->now);
    change_list_free(&s->found);
    memory_put(s);
    region_list_free(&image->map.list);
    region_list_free(&image->inherited.list);
    memory_put(image->exe);
    memory_put(image->libc);
    memory_put(image->argv);
    allocations_free(&image->allocations);
    stacks_free(&image->stacks);
    memory_put(image);
}

void images_forget(struct model *m, struct image *image)
{
    struct model_state *s = m->state;
    size_t at = place(s, image->number);
    s->live_count--;
    memmove(s->live + at, s->live + at + 1, (s->live_count - at) * sizeof(struct image *));
    for (size_t i = 0; i < s->inheritance_count; i++)
        s->inheritances[i].orphaned |= s->inheritances[i].image == image->number;
    limit_inheritances(s, 0, INHERITANCES_OF_ENDED);
    free_image(image);
}

void images_free(struct model *m)
{
    struct model_state *s = m->state;
    for (size_t i = 0; i < s->inheritance_count; i++)
        free_inheritance(&s->inheritances[i]);
    memory_put(s->inheritances);
    memory_put(s->live);
    names_free(&s->names);
    memory_put(s);
}
