#include "runner/views/variable_text.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *take(const char *at, uint16_t size, char *out)
{
    memcpy(out, at, size);
    out[size] = '\0';
    return at + size;
}

void variable_strings(const struct pmt_variable *v, struct variable_strings *out)
{
    const char *at = (const char *)(v + 1);
    at = take(at, v->name_size, out->name);
    at = take(at, v->type_size, out->type);
    at = take(at, v->function_size, out->function);
    at = take(at, v->file_size, out->file);
    take(at, v->text_size, out->text);
}

static void of_char(uint64_t value, char out[VARIABLE_VALUE_SIZE])
{
    int c = (int)(value & 0xff);
    if (c >= ' ' && c < 0x7f)
        snprintf(out, VARIABLE_VALUE_SIZE, "'%c'", c);
    else
        snprintf(out, VARIABLE_VALUE_SIZE, "'\\%o'", c);
}

void variable_value(const struct pmt_variable *v, const char *text, char out[VARIABLE_VALUE_SIZE])
{
    double real;
    out[0] = '\0';
    switch ((enum pmt_variable_value)v->value_is) {
    case PMT_VALUE_SIGNED:
        snprintf(out, VARIABLE_VALUE_SIZE, "%" PRId64, (int64_t)v->value);
        break;
    case PMT_VALUE_UNSIGNED:
        snprintf(out, VARIABLE_VALUE_SIZE, "%" PRIu64, v->value);
        break;
    case PMT_VALUE_REAL:
        memcpy(&real, &v->value, sizeof real);
        snprintf(out, VARIABLE_VALUE_SIZE, "%.10g", real);
        break;
    case PMT_VALUE_BOOL:
        snprintf(out, VARIABLE_VALUE_SIZE, "%s", v->value ? "true" : "false");
        break;
    case PMT_VALUE_CHAR:
        of_char(v->value, out);
        break;
    case PMT_VALUE_POINTER:
        snprintf(out, VARIABLE_VALUE_SIZE, v->value ? "%08" PRIx64 : "NULL", v->value);
        break;
    case PMT_VALUE_TEXT:
        snprintf(out, VARIABLE_VALUE_SIZE, "\"%s\"", text);
        break;
    default:
        break;
    }
}
