#include "runner/views/json_alloc.h"
#include "runner/base/memory.h"
#include "runner/views/caller.h"
#include "runner/views/json_reason.h"
#include <string.h>

#define CALLERS 256u /* remembered ones, by the stack */
#define CALLER_SIZE 240u

/* A caller as it is written, with its key. */
struct known_caller {
    uint32_t image, stack_id; /* 0: none */
    size_t size;
    char text[CALLER_SIZE];
};

struct json_alloc {
    struct known_caller callers[CALLERS];
    uint32_t heap_of; /* the image of `heap_bytes`; 0: none */
    uint64_t heap_bytes;
};

struct json_alloc *json_alloc_new(void)
{
    return memory_get(sizeof(struct json_alloc));
}

void json_alloc_map_changes(struct json_alloc *j)
{
    j->heap_of = 0;
}

static void caller(struct json_alloc *j, struct encoder *e, const struct model *m,
                   uint32_t stack_id)
{
    struct known_caller *k = &j->callers[stack_id % CALLERS];
    char text[1024];
    if (k->stack_id == stack_id && k->image == m->image->number)
        return encode_raw(e, k->text, k->size);
    char *from = e->at;
    if (caller_text(m, stack_id, text, sizeof text))
        encode_key_chars(e, ",\"caller\":", text);
    size_t size = (size_t)(e->at - from);
    if (e->full || size > sizeof k->text)
        return;
    memcpy(k->text, from, size);
    k->image = m->image->number;
    k->stack_id = stack_id;
    k->size = size;
}

static uint64_t size_at(const struct model *m, uint64_t addr)
{
    const struct allocation *block = allocations_find(&m->image->allocations, addr);
    return block ? block->size : 0;
}

/* The call is told before it is taken into the account. A new block replaces one that is thought to
 * be at its place. */
static uint64_t live_bytes(const struct model *m, const struct pmt_alloc *a, uint64_t began_ns)
{
    uint64_t live = m->image->allocations.bytes, given = 0;
    if (a->r.call == PMT_CALL_FREE)
        return live - size_at(m, a->addr);
    bool resizes = a->r.call == PMT_CALL_REALLOC || a->r.call == PMT_CALL_REALLOCARRAY;
    const struct allocation *old =
        resizes ? allocations_given_back(&m->image->allocations, a, began_ns) : NULL;
    if (old)
        live -= given = old->size;
    if (!a->addr)
        return live;
    bool counted = given && a->addr == a->old_addr;
    return live - (counted ? 0 : size_at(m, a->addr)) + a->size;
}

static uint64_t heap_bytes(struct json_alloc *j, const struct model *m)
{
    if (j->heap_of != m->image->number) {
        j->heap_of = m->image->number;
        j->heap_bytes = regions_totals(&m->image->map).kinds[KIND_HEAP].bytes;
    }
    return j->heap_bytes;
}

void json_alloc(struct json_alloc *j, struct encoder *e, const struct model *m,
                const struct pmt_alloc *a, uint64_t began_ns)
{
    if (a->r.stack_id)
        caller(j, e, m, a->r.stack_id);
    encode_key_unsigned(e, ",\"live_bytes\":", live_bytes(m, a, began_ns));
    encode_key_unsigned(e, ",\"heap_bytes\":", heap_bytes(j, m));
    if (m->image->thresholds.mmap)
        encode_key_unsigned(e, ",\"mmap_threshold\":", m->image->thresholds.mmap);
    if (m->reason.code)
        json_reason(e, &m->reason);
}
