#include "runner/views/json_variable.h"
#include "runner/model/aim.h"
#include "runner/views/caller.h"
#include "schemas/names.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EXACT (UINT64_C(1) << 53) /* integers that jq and JavaScript have exactly */

static void integer(struct encoder *e, uint64_t bits, bool is_signed)
{
    char digits[24];
    bool negative = is_signed && (int64_t)bits < 0;
    uint64_t size = negative ? -bits : bits;
    if (size <= EXACT)
        return is_signed ? encode_signed(e, (int64_t)bits) : encode_unsigned(e, bits);
    snprintf(digits, sizeof digits, "%s%" PRIu64, negative ? "-" : "", size);
    encode_literal(e, "\"");
    encode_chars(e, digits);
    encode_literal(e, "\"");
}

/* Seventeen digits are enough for every double. */
static void real(struct encoder *e, uint64_t bits)
{
    char digits[40];
    double value;
    memcpy(&value, &bits, sizeof value);
    snprintf(digits, sizeof digits, "%.17g", value);
    bool is_number = strspn(digits, "-+.0123456789e") == strlen(digits);
    encode_chars(e, is_number ? "" : "\"");
    encode_chars(e, digits);
    encode_chars(e, is_number ? "" : "\"");
}

static void value(struct encoder *e, const struct pmt_variable *v, const char *text)
{
    if (v->value_is == PMT_VALUE_NONE)
        return;
    encode_key_chars(e, ",\"value_is\":", names_variable_value(v->value_is));
    encode_key_chars(e, ",\"when\":", names_variable_time(v->time));
    if (v->value_is == PMT_VALUE_TEXT)
        return encode_key_string(e, ",\"value\":", text, v->text_size);
    encode_literal(e, ",\"value\":");
    switch ((enum pmt_variable_value)v->value_is) {
    case PMT_VALUE_BOOL:
        encode_chars(e, v->value ? "true" : "false");
        break;
    case PMT_VALUE_POINTER:
        encode_address(e, v->value);
        break;
    case PMT_VALUE_REAL:
        real(e, v->value);
        break;
    default:
        integer(e, v->value, v->value_is == PMT_VALUE_SIGNED);
    }
    if (v->text_size)
        encode_key_string(e, ",\"text\":", text, v->text_size);
}

static void region(struct encoder *e, const char *key, const struct region *r)
{
    encode_key_address(e, key, r->raw.start);
    encode_key_chars(e, ",\"kind\":", kind_name(r->kind));
    encode_literal(e, "}");
}

static void target(struct encoder *e, const struct model *m, uint64_t address)
{
    struct aim aim = aim_at(m->image, address);
    char caller[1024];
    if (!aim.region && !aim.freed)
        return encode_literal(e, ",\"points_to\":null");
    encode_literal(e, ",\"points_to\":{\"region\":");
    if (aim.region)
        region(e, "{\"start\":", aim.region);
    else
        encode_literal(e, "null");
    if (aim.block) {
        encode_key_address(e, ",\"block\":{\"addr\":", aim.block->addr);
        encode_key_unsigned(e, ",\"size\":", aim.block->size);
        if (caller_text(m, aim.block->stack_id, caller, sizeof caller))
            encode_key_chars(e, ",\"caller\":", caller);
        encode_literal(e, "}");
    } else if (aim.freed) {
        encode_key_address(e, ",\"freed\":{\"addr\":", aim.freed->addr);
        encode_key_unsigned(e, ",\"size\":", aim.freed->size);
        if (caller_text(m, aim.freed->freed_by, caller, sizeof caller))
            encode_key_chars(e, ",\"freed_by\":", caller);
        encode_literal(e, "}");
    }
    if (aim.function)
        encode_key_chars(e, ",\"function\":", aim.function);
    encode_literal(e, "}");
}

void json_variable(struct encoder *e, const struct model *m, const struct pmt_variable *v)
{
    const char *name = (const char *)(v + 1), *type = name + v->name_size;
    const char *function = type + v->type_size, *file = function + v->function_size;
    const struct regions *map = &m->image->map;
    encode_key_chars(e, ",\"kind\":", names_variable(v->r.call));
    encode_key_string(e, ",\"name\":", name, v->name_size);
    if (v->type_size)
        encode_key_string(e, ",\"c_type\":", type, v->type_size);
    if (v->function_size)
        encode_key_string(e, ",\"function\":", function, v->function_size);
    if (v->file_size)
        encode_key_string(e, ",\"file\":", file, v->file_size);
    if (v->line)
        encode_key_unsigned(e, ",\"line\":", v->line);
    encode_key_unsigned(e, ",\"size\":", v->size);
    encode_key_chars(e, ",\"place\":", names_variable_place(v->place));
    if (v->addr)
        encode_key_address(e, ",\"addr\":", v->addr);
    value(e, v, file + v->file_size);
    const struct region *first = v->addr ? regions_find(map, v->addr) : NULL;
    uint64_t last_byte = v->addr + (v->size ? v->size - 1 : 0);
    const struct region *last = first ? regions_find(map, last_byte) : NULL;
    if (first)
        region(e, ",\"region\":{\"start\":", first);
    if (last && last != first)
        region(e, ",\"ends_in\":{\"start\":", last);
    if (v->value_is == PMT_VALUE_POINTER && v->value)
        target(e, m, v->value);
}
