#include "shim/hooks/heap_call.h"
#include "shim/base/real.h"
#include "shim/base/sys.h"
#include "shim/ring/emit.h"
#include "shim/stacks/stack_id.h"

void heap_call_send(const struct heap_call *from, const struct call_frame *frame)
{
    uint32_t stack_id = stack_id_of_frame(frame);
    struct emit e = emit_begin(sizeof(struct pmt_alloc));
    struct pmt_alloc *a = e.record;
    if (!a)
        return;
    emit_header(&e, PMT_RECORD_ALLOC, (uint8_t)from->call, stack_id, ticks_now());
    a->addr = (uintptr_t)from->block;
    a->chunk = heap_call_chunk(from->block);
    a->size = from->size;
    a->old_addr = from->old;
    a->alignment = from->alignment;
    a->began = from->began;
    a->error = (uint32_t)from->error;
    a->pad = 0;
    emit_end(&e);
}

__attribute__((cold)) uintptr_t heap_call_word_before_page(const void *block)
{
    return sys_can_read((const uintptr_t *)block - 1) ? heap_call_word(block) : 0;
}

__attribute__((cold)) void heap_call_look(uintptr_t chunk, const struct call_frame *frame)
{
    static void *break_before;
    void *now = real.curbrk ? *real.curbrk : NULL;
    bool moved = now != break_before;
    break_before = now;
    if (moved || !process.glibc_malloc || chunk & (PMT_CHUNK_MMAPPED | PMT_CHUNK_NON_MAIN_ARENA))
        attention_after_call(frame->caller);
}
