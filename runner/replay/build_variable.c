#include "runner/replay/build_variable.h"
#include "runner/replay/draft.h"
#include "runner/replay/failure.h"
#include "runner/replay/field.h"
#include "schemas/names.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Also one whose number is 0. */
static uint8_t name(struct replay *p, const json_t *event, const char *key,
                    const char *(*name_of)(unsigned), unsigned count)
{
    field_chars(p, event, key);
    return p->failed ? 0 : field_find_name(p, event, key, name_of, count);
}

/* A number, or one that is too large for JavaScript: a string of its digits. */
static uint64_t integer(struct replay *p, const json_t *value, bool is_signed)
{
    const char *digits = json_string_value(value);
    char *end = NULL;
    uint64_t number = 0;
    if (json_is_integer(value))
        return (uint64_t)json_integer_value(value);
    errno = 0;
    if (digits && digits[0])
        number = is_signed ? (uint64_t)strtoll(digits, &end, 10) : strtoull(digits, &end, 10);
    if (!end || *end || errno)
        failure_field(p, "value", "an integer, or a string of its digits");
    return number;
}

static uint64_t real(struct replay *p, const json_t *value)
{
    const char *text = json_string_value(value);
    char *end = NULL;
    double number = text ? strtod(text, &end) : json_number_value(value);
    uint64_t bits;
    if (text ? !text[0] || *end : !json_is_number(value))
        failure_field(p, "value", "a number, or a string like \"inf\"");
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static uint64_t value_of(struct replay *p, const json_t *event, unsigned is)
{
    const json_t *value = json_object_get(event, "value");
    switch ((enum pmt_variable_value)is) {
    case PMT_VALUE_NONE:
    case PMT_VALUE_TEXT:
        return 0;
    case PMT_VALUE_BOOL:
        return field_bool(p, event, "value");
    case PMT_VALUE_POINTER:
        return field_address(p, event, "value");
    case PMT_VALUE_REAL:
        return real(p, value);
    default:
        return integer(p, value, is == PMT_VALUE_SIGNED);
    }
}

static uint16_t string(struct replay *p, const json_t *event, const char *key, size_t most)
{
    const json_t *value = json_object_get(event, key);
    return value ? (uint16_t)draft_string(p, value, key, most) : 0;
}

void build_variable(struct replay *p, const json_t *event)
{
    struct pmt_variable *v = draft_start(p, PMT_RECORD_VARIABLE, sizeof *v);
    v->r.call = name(p, event, "kind", names_variable, PMT_VARIABLE_KIND_COUNT);
    v->place = name(p, event, "place", names_variable_place, PMT_PLACE_COUNT);
    v->size = field_unsigned(p, event, "size", UINT64_MAX);
    v->line = (uint32_t)field_find_unsigned(p, event, "line", UINT32_MAX);
    if (json_object_get(event, "addr"))
        v->addr = field_address(p, event, "addr");
    v->value_is = field_find_name(p, event, "value_is", names_variable_value, PMT_VALUE_COUNT);
    if (v->value_is != PMT_VALUE_NONE)
        v->time = name(p, event, "when", names_variable_time, PMT_TIME_COUNT);
    v->value = value_of(p, event, v->value_is);
    const json_t *called = json_object_get(event, "name");
    v->name_size = (uint16_t)draft_string(p, called, "name", PMT_VARIABLE_NAME_MAX);
    v->type_size = string(p, event, "c_type", PMT_VARIABLE_NAME_MAX);
    v->function_size = string(p, event, "function", PMT_VARIABLE_NAME_MAX);
    v->file_size = string(p, event, "file", PMT_VARIABLE_NAME_MAX);
    const char *text = v->value_is == PMT_VALUE_TEXT ? "value" : "text";
    v->text_size = string(p, event, text, PMT_VARIABLE_TEXT_MAX);
}
