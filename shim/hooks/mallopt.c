/* mallopt(3): what becomes of glibc's thresholds. */
#include "shim/base/real.h"
#include "shim/hooks/hook.h"
#include "shim/ring/emit.h"
#include "shim/stacks/stack_id.h"

HOOK int mallopt(int param, int value)
{
    bool active = hook_active();
    int result = real.mallopt ? real.mallopt(param, value) : 0;
    uint32_t stack_id = active && !thread.busy ? stack_id_of_frame(HOOK_FRAME()) : 0;
    struct emit e;
    if (!active || thread.busy || !(e = emit_begin(sizeof(struct pmt_mallopt))).record)
        return result;
    struct pmt_mallopt *m = e.record;
    emit_header(&e, PMT_RECORD_MALLOPT, PMT_CALL_MALLOPT, stack_id, ticks_now());
    m->param = param;
    m->value = value;
    m->result = result;
    emit_end(&e);
    return result;
}
