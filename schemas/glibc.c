#include "schemas/glibc.h"
#include <string.h>

/* elf/dl-tunables.list: the names, those of the older variables, and the largest values (size_t or
 * int). */
static const struct {
    const char *tunable, *variable;
    bool is_int;
} settings[GLIBC_SETTINGS] = {
    [GLIBC_MMAP_THRESHOLD] = {"glibc.malloc.mmap_threshold", "MALLOC_MMAP_THRESHOLD_", false},
    [GLIBC_TRIM_THRESHOLD] = {"glibc.malloc.trim_threshold", "MALLOC_TRIM_THRESHOLD_", false},
    [GLIBC_TOP_PAD] = {"glibc.malloc.top_pad", "MALLOC_TOP_PAD_", false},
    [GLIBC_MMAP_MAX] = {"glibc.malloc.mmap_max", "MALLOC_MMAP_MAX_", true},
};

static unsigned digit_of(char c)
{
    return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
           : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
           : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A') + 10
                                  : 99;
}

/* elf/dl-misc.c, _dl_strtoul(): up to what is no digit; 0 for no number at all. */
static uint64_t number(const char *text)
{
    uint64_t value = 0;
    while (*text == ' ' || *text == '\t')
        text++;
    bool negative = *text == '-';
    text += negative || *text == '+';
    unsigned base = *text != '0' ? 10 : text[1] == 'x' || text[1] == 'X' ? 16 : 8;
    text += base == 16 ? 2 : 0;
    for (; digit_of(*text) < base; text++) {
        if (value >= (UINT64_MAX - digit_of(*text)) / base)
            return UINT64_MAX;
        value = value * base + digit_of(*text);
    }
    return negative ? 0 - value : value;
}

/* elf/dl-tunables.c, do_tunable_update_val(): what is out of bounds does not count. */
static void set(struct glibc_settings *s, unsigned i, const char *text)
{
    uint64_t value = number(text);
    uint64_t most = settings[i].is_int ? INT32_MAX : s->word_size == 4 ? UINT32_MAX : UINT64_MAX;
    if (value > most)
        return;
    s->value[i] = value;
    s->given[i] = true;
}

/* The value of "NAME=VALUE"; NULL if it is another name. */
static const char *value_of(const char *item, const char *name)
{
    size_t length = strlen(name);
    return strncmp(item, name, length) == 0 && item[length] == '=' ? item + length + 1 : NULL;
}

void glibc_read_tunables(struct glibc_settings *s, const char *list)
{
    for (const char *item = list; item; item = strchr(item, ':')) {
        item += *item == ':';
        for (unsigned i = 0; i < GLIBC_SETTINGS; i++)
            if (value_of(item, settings[i].tunable))
                set(s, i, value_of(item, settings[i].tunable));
    }
}

void glibc_read_variable(struct glibc_settings *s, const char *variable)
{
    const char *list = value_of(variable, "GLIBC_TUNABLES");
    if (list)
        return glibc_read_tunables(s, list);
    for (unsigned i = 0; i < GLIBC_SETTINGS; i++)
        if (!s->given[i] && value_of(variable, settings[i].variable))
            set(s, i, value_of(variable, settings[i].variable));
}

static uint64_t value_or(const struct glibc_settings *s, unsigned i, uint64_t otherwise)
{
    return s->given[i] ? s->value[i] : otherwise;
}

void glibc_set_thresholds(struct pmt_process *p, const struct glibc_settings *s)
{
    p->mmap_threshold_max = s->word_size == 4 ? 512u << 10 : 32u << 20;
    p->mmap_threshold = value_or(s, GLIBC_MMAP_THRESHOLD, 128u << 10);
    p->trim_threshold = value_or(s, GLIBC_TRIM_THRESHOLD, 128u << 10);
    p->dynamic_threshold = 1;
    for (unsigned i = 0; i < GLIBC_SETTINGS; i++)
        if (s->given[i])
            p->dynamic_threshold = 0;
}
