#include "runner/replay/build_fatal.h"
#include "runner/replay/draft.h"
#include "runner/replay/field.h"
#include "schemas/names.h"

void build_fatal(struct replay *p, const json_t *event)
{
    struct pmt_fatal *f = draft_start(p, PMT_RECORD_FATAL, sizeof *f);
    f->r.call = (uint8_t)field_signal(p, event);
    f->code = (int32_t)field_signed(p, event, "code", INT32_MIN, INT32_MAX);
    f->sender = (uint32_t)field_find_unsigned(p, event, "sender", UINT32_MAX);
    f->access = field_find_name(p, event, "access", names_access, PMT_ACCESS_UNKNOWN + 1);
    if (f->access != PMT_ACCESS_NONE)
        f->addr = field_address(p, event, "addr");
    f->ip = field_address(p, event, "ip");
    f->sp = field_address(p, event, "sp");
    f->stack_limit = field_find_unsigned(p, event, "stack_limit", UINT64_MAX);
    const json_t *message = json_object_get(event, "message");
    if (message)
        f->message_size = (uint32_t)draft_string(p, message, "message", PMT_MESSAGE_MAX);
    const json_t *content = json_object_get(event, "content");
    if (!content)
        return;
    const json_t *text = json_object_get(content, "text");
    f->content_size = (uint32_t)draft_string(p, text, "text", PMT_CONTENT_MAX);
    f->content_at = (uint32_t)field_unsigned(p, content, "at", PMT_CONTENT_MAX);
}
