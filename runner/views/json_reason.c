#include "runner/views/json_reason.h"

void json_reason(struct encoder *e, const struct reason *r)
{
    encode_key_chars(e, ",\"reason\":{\"code\":", reason_name(r->code));
    for (unsigned i = 0; i < reason_arg_count(r->code); i++) {
        enum reason_arg arg = reason_arg_at(r->code, i);
        encode_literal(e, ",\"");
        encode_chars(e, reason_arg_name(arg));
        encode_key_unsigned(e, "\":", r->args[i]);
    }
    encode_literal(e, "}");
}
