#include "runner/model/thread_notes.h"
#include "runner/base/array.h"
#include "runner/base/memory.h"

struct thread_note *thread_notes_get(struct thread_notes *notes, uint32_t tid)
{
    for (size_t i = notes->count; i-- > 0;)
        if (notes->items[i].tid == tid)
            return &notes->items[i];
    struct thread_note *note = array_add(notes->items, notes->count, notes->room);
    *note = (struct thread_note){.tid = tid};
    return note;
}

struct made thread_notes_made(struct thread_notes *notes, const struct pmt_kernel *kernel)
{
    struct thread_note *note = thread_notes_get(notes, kernel->r.tid);
    struct made before = note->made;
    notes->making += !before.calls;
    cause_made_add(&note->made, kernel);
    return before;
}

void thread_notes_call(struct thread_notes *notes, uint32_t tid)
{
    struct thread_note *note = notes->making ? thread_notes_get(notes, tid) : NULL;
    if (!note || !note->made.calls)
        return;
    notes->making--;
    note->made = (struct made){0};
}

void thread_notes_remove(struct thread_notes *notes, struct thread_note *note)
{
    notes->making -= note->made.calls != 0;
    change_list_free(&note->waiting);
    *note = notes->items[--notes->count];
}

void thread_notes_free(struct thread_notes *notes)
{
    for (size_t i = 0; i < notes->count; i++)
        change_list_free(&notes->items[i].waiting);
    memory_put(notes->items);
}

static size_t place(const struct thread_notes *notes, uint32_t tid)
{
    return tid % (sizeof notes->freed / sizeof *notes->freed);
}

/* By values: a struct that was just written part by part is copied slowly, and this is done for
 * each free(3). */
void thread_notes_set_freed(struct thread_notes *notes, uint32_t tid, uint64_t addr, uint64_t chunk,
                            uint64_t seq, uint32_t stack_id)
{
    struct freed *at = &notes->freed[place(notes, tid)];
    if (at->tid != tid && at->tid)
        thread_notes_get(notes, at->tid)->freed = *at;
    at->tid = tid;
    at->addr = addr;
    at->chunk = chunk;
    at->seq = seq;
    at->stack_id = stack_id;
}

const struct freed *thread_notes_freed(const struct thread_notes *notes,
                                       const struct thread_note *note)
{
    const struct freed *at = &notes->freed[place(notes, note->tid)];
    return at->tid == note->tid ? at : &note->freed;
}
