#include "runner/replay/draft.h"
#include "runner/replay/failure.h"
#include <string.h>

void *draft_append(struct replay *p, const void *bytes, size_t size)
{
    if (size > sizeof p->record - p->used) {
        p->too_large = true;
        return NULL;
    }
    void *at = (char *)p->record + p->used;
    if (bytes)
        memcpy(at, bytes, size);
    else
        memset(at, 0, size);
    p->used += size;
    return at;
}

void draft_pad(struct replay *p)
{
    draft_append(p, NULL, pmt_align((uint32_t)p->used) - p->used);
}

void *draft_start(struct replay *p, enum pmt_record_type type, size_t size)
{
    p->used = 0;
    struct pmt_record *r = draft_append(p, NULL, size);
    r->type = (uint8_t)type;
    return r;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether `\xNN` with the byte of an encoder, which are all above 0x7f, is at `s`. */
static bool is_escaped_byte(const char *s, size_t left)
{
    return left >= 4 && s[0] == '\\' && s[1] == 'x' && hex_digit(s[2]) >= 8 && hex_digit(s[3]) >= 0;
}

size_t draft_string(struct replay *p, const json_t *value, const char *key, size_t max)
{
    size_t size = json_string_length(value), start = p->used;
    const char *s = json_string_value(value);
    if (!s) {
        failure_field(p, key, "a string");
        return 0;
    }
    if (!p->bytes) {
        draft_append(p, s, size);
    } else {
        for (size_t i = 0; i < size && !p->too_large; i++) {
            char byte = s[i];
            if (is_escaped_byte(s + i, size - i)) {
                byte = (char)(hex_digit(s[i + 2]) << 4 | hex_digit(s[i + 3]));
                i += 3;
            }
            draft_append(p, &byte, 1);
        }
    }
    if (p->used - start > max)
        p->too_large = true;
    return p->too_large ? 0 : p->used - start;
}
