#include "runner/base/text.h"
#include "schemas/encode.h"
#include <inttypes.h>
#include <string.h>

/* C1 controls (U+0080 to U+009F), and the characters that change the direction of text
 * (Bidi_Control). */
static bool is_control(const unsigned char *s, size_t length)
{
    if (length == 1)
        return s[0] < 0x20 || s[0] == 0x7f;
    if (length == 2)
        return (s[0] == 0xc2 && s[1] < 0xa0) || (s[0] == 0xd8 && s[1] == 0x9c);
    return length == 3 && s[0] == 0xe2 &&
           ((s[1] == 0x80 && s[2] >= 0x8e && s[2] <= 0xae) ||
            (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xaf));
}

static size_t printable(const unsigned char *s, size_t left)
{
    size_t length = encode_utf8_length(s, left);
    return length && !is_control(s, length) ? length : 0;
}

size_t text_printable(const char *text, size_t left)
{
    return printable((const unsigned char *)text, left);
}

/* Columns of the whole text, at least as far as it takes to know that they are more than
 * `width`. */
static size_t columns_of(const unsigned char *s, size_t size, size_t width)
{
    size_t columns = 0;
    for (size_t i = 0; i < size && columns <= width;) {
        size_t length = printable(s + i, size - i);
        columns += length ? 1 : 4;
        i += length ? length : 1;
    }
    return columns;
}

size_t text_escape(FILE *out, const char *bytes, size_t size, size_t width)
{
    const unsigned char *s = (const unsigned char *)bytes;
    size_t columns = 0, rest = width && columns_of(s, size, width) > width ? 3 : 0;
    for (size_t i = 0; i < size;) {
        size_t length = printable(s + i, size - i), needs = length ? 1 : 4;
        if (rest && columns + needs + rest > width) {
            fputs("...", out);
            return columns + rest;
        }
        if (length)
            fwrite(s + i, 1, length, out);
        else
            fprintf(out, "\\x%02x", s[i]);
        columns += needs;
        i += length ? length : 1;
    }
    return columns;
}

#define EXACT_UP_TO (16u << 20)

char *text_size(char out[TEXT_SIZE], uint64_t bytes)
{
    static const char units[] = "KMGTPE";
    if (bytes < 1024 || (bytes <= EXACT_UP_TO && bytes % 1024 == 0))
        return text_exact_size(out, bytes);
    double value = (double)bytes / 1024;
    unsigned unit = 0;
    while (value >= 1023.5 && units[unit + 1]) {
        value /= 1024;
        unit++;
    }
    const char *format = value >= 99.95 || value == (double)(uint64_t)value ? "%.0f%c" : "%.1f%c";
    snprintf(out, TEXT_SIZE, format, value, units[unit]);
    return out;
}

char *text_exact_size(char out[TEXT_SIZE], uint64_t bytes)
{
    static const char units[] = "BKMGTPE";
    unsigned unit = 0;
    while (bytes >= 1024 && bytes % 1024 == 0 && units[unit + 1]) {
        bytes /= 1024;
        unit++;
    }
    snprintf(out, TEXT_SIZE, "%" PRIu64 "%c", bytes, units[unit]);
    return out;
}

char *text_bytes(char out[TEXT_BYTES], uint64_t bytes)
{
    snprintf(out, TEXT_BYTES, "%" PRIu64 " byte%s", bytes, bytes == 1 ? "" : "s");
    return out;
}
