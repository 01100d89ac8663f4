#include "runner/replay/build_stack_use.h"
#include "runner/replay/draft.h"
#include "runner/replay/field.h"
#include "schemas/stack_use.h"

void build_stack_use(struct replay *p, const json_t *event)
{
    struct pmt_stack_use *use = draft_start(p, PMT_RECORD_STACK_USE, sizeof *use);
    use->sp = field_address(p, event, "sp");
    use->limit = field_find_unsigned(p, event, "limit", UINT64_MAX);
    use->calls = field_find_unsigned(p, event, "calls", UINT64_MAX);
    use->bytes = field_find_unsigned(p, event, "bytes", UINT64_MAX);
    use->each = field_find_unsigned(p, event, "each", UINT64_MAX);
}
