#include "runner/views/json_resident.h"
#include "schemas/names.h"

void json_resident(struct encoder *e, const struct model *m, const struct pmt_resident *x)
{
    const struct pmt_resident_region *r = (const struct pmt_resident_region *)(x + 1);
    const struct regions *map = &m->image->map;
    encode_key_chars(e, ",\"when\":", names_moment(x->r.call));
    if (x->label_size)
        encode_key_string(e, ",\"at\":", (const char *)(r + x->regions), x->label_size);
    encode_literal(e, ",\"regions\":[");
    for (uint32_t i = 0; i < x->regions; i++) {
        const struct region *known = regions_find(map, r[i].end - 1);
        encode_key_address(e, i ? ",{\"start\":" : "{\"start\":", r[i].start);
        encode_key_address(e, ",\"end\":", r[i].end);
        encode_key_unsigned(e, ",\"size\":", r[i].end - r[i].start);
        encode_key_unsigned(e, ",\"resident\":", r[i].resident);
        if (r[i].swapped)
            encode_key_unsigned(e, ",\"swapped\":", r[i].swapped);
        if (known)
            encode_key_chars(e, ",\"kind\":", kind_name(known->kind));
        encode_literal(e, "}");
    }
    encode_literal(e, "]");
}
