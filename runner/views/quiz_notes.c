#include "runner/base/memory.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/views/caller.h"
#include "runner/views/quiz_text.h"

static uint64_t stack_size(const struct model *m)
{
    const struct region_list *map = &m->image->map.list;
    for (size_t i = 0; i < map->count; i++)
        if (map->items[i]->kind == KIND_STACK)
            return region_size(map->items[i]);
    return 0;
}

void quiz_note_look(struct quiz *q, const struct model *m, const struct event *event)
{
    const struct pmt_snapshot *look = (const struct pmt_snapshot *)event->record;
    if (look->r.call == PMT_REASON_START && look->flags & PMT_SNAPSHOT_LAST)
        q->stack_at_start = stack_size(m);
}

/* What the dynamic loader does, and a stack for a child of system(3), come and go by themselves. */
static bool is_by_itself(const struct model *m, const struct change *change, const struct region *r)
{
    const struct stack *stack = stacks_find(&m->image->stacks, change->cause.stack_id);
    bool of_child = r->kind == KIND_THREAD_STACK && !r->tid;
    return change->tracer || change->library || of_child || (stack && stack_is_loaders(stack));
}

/* What the program does is asked for. */
void quiz_note_change(struct quiz *q, const struct model *m, const struct change *change)
{
    char caller[300], size[TEXT_SIZE], text[600];
    const struct region *r = change_region(change);
    bool comes = change->type == CHANGE_ADDED, goes = change->type == CHANGE_REMOVED;
    if (!r || (!comes && !goes) || is_by_itself(m, change, r) ||
        !caller_text(m, change->cause.stack_id, caller, sizeof caller))
        return;
    snprintf(text, sizeof text,
             comes ? _("%s of %s comes, by %s in %s") : _("%s of %s goes, by %s in %s"),
             kind_name(r->kind), text_size(size, region_size(r)), cause_name(&change->cause),
             caller);
    if (q->change_count < QUIZ_CHANGES)
        q->changes[q->change_count] = memory_text(text);
    q->change_count++;
}

static struct quiz_size *place_of(struct quiz *q, uint64_t size)
{
    size_t smallest = 0;
    for (size_t i = 0; i < q->size_count; i++) {
        if (q->sizes[i].size == size)
            return &q->sizes[i];
        smallest = q->sizes[i].size < q->sizes[smallest].size ? i : smallest;
    }
    if (q->size_count < QUIZ_SIZES)
        return &q->sizes[q->size_count++];
    return q->sizes[smallest].size < size ? &q->sizes[smallest] : NULL;
}

void quiz_note_call(struct quiz *q, const struct pmt_alloc *call)
{
    if (call->r.call == PMT_CALL_FREE || !call->addr || !call->chunk)
        return;
    struct quiz_size *place = place_of(q, call->size);
    if (!place)
        return;
    if (place->size != call->size)
        *place = (struct quiz_size){.size = call->size};
    *(call->chunk & PMT_CHUNK_MMAPPED ? &place->mapped : &place->in_heap) = true;
}

void quiz_free(struct quiz *q)
{
    where_rows_free(&q->rows);
    for (size_t i = 0; i < QUIZ_CHANGES; i++)
        memory_put(q->changes[i]);
}
