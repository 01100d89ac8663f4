#include "schemas/encode_unseen.h"
#include "schemas/names.h"

void encode_unseen(struct encoder *e, const struct pmt_unseen *u)
{
    const struct pmt_unseen_site *sites = (const struct pmt_unseen_site *)(u + 1);
    const char *path = (const char *)(sites + u->sites), *function = path + u->path_size;
    encode_key_string(e, ",\"path\":", path, u->path_size);
    encode_key_unsigned(e, ",\"count\":", u->count);
    encode_literal(e, ",\"sites\":[");
    for (uint32_t i = 0; i < u->sites; i++) {
        encode_key_unsigned(e, i ? ",{\"offset\":" : "{\"offset\":", sites[i].offset);
        encode_key_chars(e, ",\"call\":", names_call(sites[i].call));
        if (sites[i].function_size)
            encode_key_string(e, ",\"function\":", function, sites[i].function_size);
        function += sites[i].function_size;
        encode_literal(e, "}");
    }
    encode_literal(e, "]");
}

void encode_unfollowed(struct encoder *e, const struct pmt_unfollowed *u)
{
    encode_key_unsigned(e, ",\"child\":", u->child);
    encode_key_chars(e, ",\"reason\":", names_unfollowed(u->r.call));
    if (u->path_size)
        encode_key_string(e, ",\"path\":", (const char *)(u + 1), u->path_size);
}
