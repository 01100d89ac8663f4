#include "runner/replay/field.h"
#include "runner/replay/failure.h"
#include "schemas/names.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERRNO_MAX 4095
#define SIGNAL_MAX 64

static bool to_unsigned(const struct replay *p, const json_t *value, uint64_t *out)
{
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        *out = (uint64_t)json_integer_value(value);
        return true;
    }
    const char *text = p->quoted ? json_string_value(value) : NULL;
    if (!text || !*text || strspn(text, "0123456789") != strlen(text))
        return false;
    errno = 0;
    *out = strtoull(text, NULL, 10);
    return errno == 0;
}

uint64_t field_unsigned(struct replay *p, const json_t *object, const char *key, uint64_t max)
{
    uint64_t value = 0;
    if (to_unsigned(p, json_object_get(object, key), &value) && value <= max)
        return value;
    char expected[48];
    snprintf(expected, sizeof expected, "an integer from 0 to %" PRIu64, max);
    failure_field(p, key, expected);
    return 0;
}

int64_t field_signed(struct replay *p, const json_t *object, const char *key, int64_t min,
                     int64_t max)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value) && json_integer_value(value) >= min &&
        json_integer_value(value) <= max)
        return json_integer_value(value);
    char expected[64];
    snprintf(expected, sizeof expected, "an integer from %" PRId64 " to %" PRId64, min, max);
    failure_field(p, key, expected);
    return 0;
}

uint64_t field_find_unsigned(struct replay *p, const json_t *object, const char *key, uint64_t max)
{
    return json_object_get(object, key) ? field_unsigned(p, object, key, max) : 0;
}

bool field_bool(struct replay *p, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_boolean(value))
        failure_field(p, key, "true or false");
    return json_is_true(value);
}

static uint64_t to_address(struct replay *p, const json_t *value, const char *key)
{
    const char *text = json_string_value(value);
    uint64_t address = 0;
    size_t digits =
        text && text[0] == '0' && text[1] == 'x' ? strspn(text + 2, "0123456789abcdef") : 0;
    if (digits == 0 || digits > 16 || json_string_length(value) != digits + 2) {
        failure_field(p, key, "an address like \"0x1000\"");
        return 0;
    }
    for (const char *c = text + 2; *c; c++)
        address = address << 4 | (unsigned)(*c <= '9' ? *c - '0' : *c - 'a' + 10);
    return address;
}

uint64_t field_address(struct replay *p, const json_t *object, const char *key)
{
    return to_address(p, json_object_get(object, key), key);
}

void field_addresses(struct replay *p, const json_t *object, const char *key, size_t count,
                     uint64_t *out)
{
    const json_t *array = json_object_get(object, key);
    if (!json_is_array(array) || json_array_size(array) != count) {
        char expected[48];
        snprintf(expected, sizeof expected, "an array of %zu addresses", count);
        return failure_field(p, key, expected);
    }
    p->list = key;
    for (p->index = 0; p->index < count; p->index++)
        out[p->index] = to_address(p, json_array_get(array, p->index), NULL);
    p->list = NULL;
}

const json_t *field_array(struct replay *p, const json_t *object, const char *key, size_t max)
{
    const json_t *array = json_object_get(object, key);
    if (json_is_array(array) && json_array_size(array) <= max)
        return array;
    char expected[48];
    snprintf(expected, sizeof expected, "an array of at most %zu elements", max);
    failure_field(p, key, expected);
    return NULL;
}

const char *field_chars(struct replay *p, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (!text)
        failure_field(p, key, "a string");
    return text ? text : "";
}

uint8_t field_name(struct replay *p, const json_t *object, const char *key,
                   const char *(*name_of)(unsigned), unsigned count)
{
    const char *text = field_chars(p, object, key);
    for (unsigned i = 1; i < count; i++)
        if (strcmp(text, name_of(i)) == 0)
            return (uint8_t)i;
    char expected[96];
    snprintf(expected, sizeof expected, "a known name, not \"%.60s\"", text);
    failure_field(p, key, expected);
    return 0;
}

uint8_t field_find_name(struct replay *p, const json_t *object, const char *key,
                        const char *(*name_of)(unsigned), unsigned count)
{
    if (!json_object_get(object, key))
        return 0;
    const char *text = field_chars(p, object, key);
    if (strcmp(text, name_of(0)) == 0)
        return 0;
    return field_name(p, object, key, name_of, count);
}

uint32_t field_image(struct replay *p, const json_t *event)
{
    if (!json_object_get(event, "image"))
        return 1;
    return (uint32_t)field_unsigned(p, event, "image", UINT32_MAX);
}

static int get_errno(struct replay *p, const json_t *object)
{
    const char *text = field_chars(p, object, "errno");
    if (strspn(text, "0123456789") == strlen(text)) {
        unsigned long number = strtoul(text, NULL, 10);
        if (number >= 1 && number <= ERRNO_MAX)
            return (int)number;
    }
    for (int i = 1; i <= ERRNO_MAX; i++) {
        const char *name = names_errno(i);
        if (name && strcmp(text, name) == 0)
            return i;
    }
    failure_field(p, "errno", "the name or the number of an error");
    return 0;
}

int field_find_errno(struct replay *p, const json_t *object)
{
    return json_object_get(object, "errno") ? get_errno(p, object) : 0;
}

/* Whether `text` names the signal: "SIGSEGV", "SIGRTMIN+1", or "SIG35" by its number. */
static bool is_signal(const char *text, int number)
{
    char name[32];
    snprintf(name, sizeof name, "SIG%d", number);
    if (strcmp(text, name) == 0)
        return true;
    if (sigabbrev_np(number))
        snprintf(name, sizeof name, "SIG%s", sigabbrev_np(number));
    else if (number == SIGRTMIN)
        snprintf(name, sizeof name, "SIGRTMIN");
    else if (number > SIGRTMIN)
        snprintf(name, sizeof name, "SIGRTMIN+%d", number - SIGRTMIN);
    return strcmp(text, name) == 0;
}

uint32_t field_signal(struct replay *p, const json_t *object)
{
    const char *text = field_chars(p, object, "signal");
    for (int i = 1; i <= SIGNAL_MAX; i++)
        if (is_signal(text, i))
            return (uint32_t)i;
    failure_field(p, "signal", "the name of a signal like \"SIGSEGV\"");
    return 0;
}
