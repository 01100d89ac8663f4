#include "text.h"
#include <inttypes.h>
#include <string.h>

/* Length of the UTF-8 sequence of a printable character at `s`; 0: to be escaped. C1 controls (U+0080 to
 * U+009F) and the characters that change the direction of text are not printable here. */
static size_t printable(const unsigned char *s, size_t left)
{
    if (s[0] < 0x80)
        return s[0] >= 0x20 && s[0] != 0x7f;
    size_t length = s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    if (!length || length > left)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if (s[0] == 0xc2 && s[1] < 0xa0)
        return 0;
    if (s[0] == 0xe2 && ((s[1] == 0x80 && s[2] >= 0x8e && s[2] <= 0xae) || (s[1] == 0x81 && s[2] >= 0xa6)))
        return 0;
    return length;
}

size_t text_escape(FILE *out, const char *bytes, size_t size, size_t width)
{
    const unsigned char *s = (const unsigned char *)bytes;
    size_t columns = 0;
    for (size_t i = 0; i < size;) {
        size_t length = printable(s + i, size - i), needs = length ? 1 : 4;
        size_t rest = i + (length ? length : 1) < size ? 3 : 0;
        if (width && columns + needs + rest > width) {
            fputs("...", out);
            return columns + 3;
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

char *text_size(char out[TEXT_SIZE], uint64_t bytes)
{
    static const char units[] = "KMGTPE";
    if (bytes < 1024) {
        snprintf(out, TEXT_SIZE, "%" PRIu64 "B", bytes);
        return out;
    }
    double value = (double)bytes / 1024;
    unsigned unit = 0;
    while (value >= 1024 && units[unit + 1]) {
        value /= 1024;
        unit++;
    }
    const char *format = value >= 100 || value == (double)(uint64_t)value ? "%.0f%c" : "%.1f%c";
    snprintf(out, TEXT_SIZE, format, value, units[unit]);
    return out;
}
