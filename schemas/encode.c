#include "schemas/encode.h"
#include "schemas/number.h"
#include <string.h>

void encode_start(struct encoder *e, char *buffer, size_t size)
{
    e->at = buffer;
    e->end = buffer + size;
    e->full = false;
}

void encode_raw(struct encoder *e, const char *text, size_t size)
{
    if (!encode_has_room(e, size)) {
        e->full = true;
        e->end = e->at;
        return;
    }
    memcpy(e->at, text, size);
    e->at += size;
}

void encode_chars(struct encoder *e, const char *text)
{
    encode_raw(e, text, strlen(text));
}

void encode_unsigned(struct encoder *e, uint64_t value)
{
    char digits[PUT_NUMBER_ROOM];
    if (encode_has_room(e, PUT_NUMBER_ROOM))
        e->at = put_unsigned(e->at, value);
    else
        encode_raw(e, digits, (size_t)(put_unsigned(digits, value) - digits));
}

void encode_signed(struct encoder *e, int64_t value)
{
    if (value < 0)
        encode_literal(e, "-");
    encode_unsigned(e, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void encode_address(struct encoder *e, uint64_t value)
{
    char digits[PUT_NUMBER_ROOM];
    if (encode_has_room(e, PUT_NUMBER_ROOM))
        e->at = put_address(e->at, value);
    else
        encode_raw(e, digits, (size_t)(put_address(digits, value) - digits));
}

size_t encode_utf8_length(const unsigned char *s, size_t left)
{
    size_t length = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (length == 0 || s[0] > 0xf4 || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return length;
}

static void encode_escaped(struct encoder *e, unsigned char c, bool control)
{
    static const char hex[] = "0123456789abcdef";
    char invalid[] = {'\\', '\\', 'x', hex[c >> 4], hex[c & 15]};
    char unicode[] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    if (control)
        encode_raw(e, unicode, sizeof unicode);
    else
        encode_raw(e, invalid, sizeof invalid);
}

/* How many of the bytes stand for themselves: ASCII but control characters, quotes, backslashes. */
static size_t plain_length(const unsigned char *s, size_t size)
{
    size_t i = 0;
    while (i < size && s[i] >= 0x20 && s[i] < 0x7f && s[i] != '"' && s[i] != '\\')
        i++;
    return i;
}

/* What does not stand for itself; how many bytes of it there were. */
static size_t encode_special(struct encoder *e, const unsigned char *s, size_t size)
{
    size_t length = encode_utf8_length(s, size);
    if (length == 0)
        encode_escaped(e, s[0], false);
    else if (s[0] < 0x20 || s[0] == 0x7f)
        encode_escaped(e, s[0], true);
    else if (length == 2 && s[0] == 0xc2 && s[1] < 0xa0) /* U+0080 to U+009F: terminals obey them */
        encode_escaped(e, s[1], true);
    else if (s[0] == '"' || s[0] == '\\')
        encode_raw(e, (char[]){'\\', (char)s[0]}, 2);
    else
        encode_raw(e, (const char *)s, length);
    return length ? length : 1;
}

void encode_string(struct encoder *e, const char *bytes, size_t size)
{
    const unsigned char *s = (const unsigned char *)bytes;
    encode_literal(e, "\"");
    for (size_t i = 0; i < size && !e->full;) {
        size_t plain = plain_length(s + i, size - i);
        encode_raw(e, bytes + i, plain);
        i += plain;
        if (i < size)
            i += encode_special(e, s + i, size - i);
    }
    encode_literal(e, "\"");
}

void encode_key_unsigned(struct encoder *e, const char *key, uint64_t value)
{
    encode_chars(e, key);
    encode_unsigned(e, value);
}

void encode_key_address(struct encoder *e, const char *key, uint64_t value)
{
    encode_chars(e, key);
    encode_address(e, value);
}

void encode_key_string(struct encoder *e, const char *key, const char *bytes, size_t size)
{
    encode_chars(e, key);
    encode_string(e, bytes, size);
}

void encode_key_chars(struct encoder *e, const char *key, const char *text)
{
    encode_key_string(e, key, text, strlen(text));
}
