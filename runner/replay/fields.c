#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sigabbrev_np */
#endif
#include "runner/base/text.h"
#include "runner/replay/parts.h"
#include "schemas/names.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ERRNO_MAX 4095
#define SIGNAL_MAX 64

void replay_set_error(struct replay *p, int error, bool with_line, const char *detail)
{
    if (p->failed)
        return;
    p->failed = error;
    FILE *out = fmemopen(p->error, sizeof p->error - 1, "w");
    if (!out)
        return;
    text_escape(out, p->name, strlen(p->name), 200);
    if (with_line)
        fprintf(out, ":%" PRIu64, p->line_number);
    fputs(": ", out);
    text_escape(out, detail, strlen(detail), 0);
    fclose(out);
}

void replay_fail(struct replay *p, const char *format, ...)
{
    char detail[256];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    for (char *c = detail; *c; c++)
        if ((unsigned char)*c >= 0x80) /* parts of the trace, not to be trusted on a terminal */
            *c = '?';
    replay_set_error(p, -EINVAL, true, detail);
}

void replay_fail_field(struct replay *p, const char *key, const char *expected)
{
    const char *dot = key ? "." : "", *name = key ? key : "";
    if (p->list)
        replay_fail(p, "field \"%s[%zu]%s%s\": expected %s", p->list, p->index, dot, name,
                    expected);
    else
        replay_fail(p, "field \"%s\": expected %s", name, expected);
}

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

uint64_t replay_get_unsigned(struct replay *p, const json_t *object, const char *key, uint64_t max)
{
    uint64_t value = 0;
    if (to_unsigned(p, json_object_get(object, key), &value) && value <= max)
        return value;
    char expected[48];
    snprintf(expected, sizeof expected, "an integer from 0 to %" PRIu64, max);
    replay_fail_field(p, key, expected);
    return 0;
}

int64_t replay_get_signed(struct replay *p, const json_t *object, const char *key, int64_t min,
                          int64_t max)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value) && json_integer_value(value) >= min &&
        json_integer_value(value) <= max)
        return json_integer_value(value);
    char expected[64];
    snprintf(expected, sizeof expected, "an integer from %" PRId64 " to %" PRId64, min, max);
    replay_fail_field(p, key, expected);
    return 0;
}

uint64_t replay_find_unsigned(struct replay *p, const json_t *object, const char *key, uint64_t max)
{
    return json_object_get(object, key) ? replay_get_unsigned(p, object, key, max) : 0;
}

bool replay_get_bool(struct replay *p, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_boolean(value))
        replay_fail_field(p, key, "true or false");
    return json_is_true(value);
}

static uint64_t to_address(struct replay *p, const json_t *value, const char *key)
{
    const char *text = json_string_value(value);
    uint64_t address = 0;
    size_t digits =
        text && text[0] == '0' && text[1] == 'x' ? strspn(text + 2, "0123456789abcdef") : 0;
    if (digits == 0 || digits > 16 || json_string_length(value) != digits + 2) {
        replay_fail_field(p, key, "an address like \"0x1000\"");
        return 0;
    }
    for (const char *c = text + 2; *c; c++)
        address = address << 4 | (unsigned)(*c <= '9' ? *c - '0' : *c - 'a' + 10);
    return address;
}

uint64_t replay_get_address(struct replay *p, const json_t *object, const char *key)
{
    return to_address(p, json_object_get(object, key), key);
}

/* Exactly `count` addresses into `out`. */
void replay_get_addresses(struct replay *p, const json_t *object, const char *key, size_t count,
                          uint64_t *out)
{
    const json_t *array = json_object_get(object, key);
    if (!json_is_array(array) || json_array_size(array) != count) {
        char expected[48];
        snprintf(expected, sizeof expected, "an array of %zu addresses", count);
        return replay_fail_field(p, key, expected);
    }
    p->list = key;
    for (p->index = 0; p->index < count; p->index++)
        out[p->index] = to_address(p, json_array_get(array, p->index), NULL);
    p->list = NULL;
}

/* The array `key`, NULL if it is none or too long. */
const json_t *replay_get_array(struct replay *p, const json_t *object, const char *key, size_t max)
{
    const json_t *array = json_object_get(object, key);
    if (json_is_array(array) && json_array_size(array) <= max)
        return array;
    char expected[48];
    snprintf(expected, sizeof expected, "an array of at most %zu elements", max);
    replay_fail_field(p, key, expected);
    return NULL;
}

const char *replay_get_chars(struct replay *p, const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    if (!text)
        replay_fail_field(p, key, "a string");
    return text ? text : "";
}

/* The number of the name that is the value of `key`. */
uint8_t replay_get_name(struct replay *p, const json_t *object, const char *key,
                        const char *(*name_of)(unsigned), unsigned count)
{
    const char *text = replay_get_chars(p, object, key);
    for (unsigned i = 1; i < count; i++)
        if (strcmp(text, name_of(i)) == 0)
            return (uint8_t)i;
    char expected[96];
    snprintf(expected, sizeof expected, "a known name, not \"%.60s\"", text);
    replay_fail_field(p, key, expected);
    return 0;
}

static int replay_get_errno(struct replay *p, const json_t *object)
{
    const char *text = replay_get_chars(p, object, "errno");
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
    replay_fail_field(p, "errno", "the name or the number of an error");
    return 0;
}

int replay_find_errno(struct replay *p, const json_t *object)
{
    return json_object_get(object, "errno") ? replay_get_errno(p, object) : 0;
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

uint32_t replay_get_signal(struct replay *p, const json_t *object)
{
    const char *text = replay_get_chars(p, object, "signal");
    for (int i = 1; i <= SIGNAL_MAX; i++)
        if (is_signal(text, i))
            return (uint32_t)i;
    replay_fail_field(p, "signal", "the name of a signal like \"SIGSEGV\"");
    return 0;
}
