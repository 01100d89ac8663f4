#include "schemas/encode_fatal.h"
#include "schemas/names.h"

void encode_fatal(struct encoder *e, const struct pmt_fatal *f)
{
    encode_key_chars(e, ",\"signal\":", names_fatal_signal(f->r.call));
    encode_literal(e, ",\"code\":");
    encode_signed(e, f->code);
    if (f->sender)
        encode_key_unsigned(e, ",\"sender\":", f->sender);
    if (f->access != PMT_ACCESS_NONE) {
        encode_key_chars(e, ",\"access\":", names_access(f->access));
        encode_key_address(e, ",\"addr\":", f->addr);
    }
    encode_key_address(e, ",\"ip\":", f->ip);
    encode_key_address(e, ",\"sp\":", f->sp);
    if (f->stack_limit)
        encode_key_unsigned(e, ",\"stack_limit\":", f->stack_limit);
    if (f->message_size)
        encode_key_string(e, ",\"message\":", (const char *)(f + 1), f->message_size);
    if (f->content_size) {
        encode_key_string(e, ",\"content\":{\"text\":", (const char *)(f + 1) + f->message_size,
                          f->content_size);
        encode_key_unsigned(e, ",\"at\":", f->content_at);
        encode_literal(e, "}");
    }
}
