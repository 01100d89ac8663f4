#include "schemas/encode_stack_use.h"

void encode_stack_use(struct encoder *e, const struct pmt_stack_use *use)
{
    encode_key_address(e, ",\"sp\":", use->sp);
    if (use->limit)
        encode_key_unsigned(e, ",\"limit\":", use->limit);
    if (!use->calls)
        return;
    encode_key_unsigned(e, ",\"calls\":", use->calls);
    encode_key_unsigned(e, ",\"bytes\":", use->bytes);
    if (use->each)
        encode_key_unsigned(e, ",\"each\":", use->each);
}
