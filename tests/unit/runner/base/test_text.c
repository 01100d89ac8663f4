/* runner/base/text.c: nothing that a traced program says can do anything to a terminal. */
#include "runner/base/text.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the four above it */

static char *written;
static size_t written_size;

static size_t escape(const char *bytes, size_t size, size_t width)
{
    free(written);
    FILE *out = open_memstream(&written, &written_size);
    assert_non_null(out);
    size_t columns = text_escape(out, bytes, size, width);
    fclose(out);
    return columns;
}

static void check(const char *bytes, size_t size, const char *want, size_t columns)
{
    assert_int_equal(escape(bytes, size, 0), columns);
    assert_int_equal(written_size, strlen(want));
    assert_string_equal(written, want);
}

static void test_bytes(void **state)
{
    (void)state;
    check("", 0, "", 0);
    for (unsigned byte = 0; byte < 256; byte++) {
        char one = (char)byte, want[8];
        bool plain = byte >= 0x20 && byte < 0x7f;
        snprintf(want, sizeof want, plain ? "%c" : "\\x%02x", byte);
        check(&one, 1, want, plain ? 1 : 4);
    }
    check("a\0b", 3, "a\\x00b", 6);
    check("\x1b[31m", 5, "\\x1b[31m", 8);
}

static size_t utf8(uint32_t c, char out[4])
{
    if (c < 0x80)
        return out[0] = (char)c, 1;
    if (c < 0x800)
        return out[0] = (char)(0xc0 | c >> 6), out[1] = (char)(0x80 | (c & 63)), 2;
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 63));
        out[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

/* Unicode 15, Bidi_Control, and the separators that end a line. */
static bool changes_direction(uint32_t c)
{
    return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

/* Every code point: passed on as it is, or all of its bytes escaped. */
static void test_code_points(void **state)
{
    (void)state;
    for (uint32_t c = 0x80; c < 0x110000; c = c == 0xd7ff ? 0xe000 : c + 1) {
        char bytes[4], escaped[17];
        size_t size = utf8(c, bytes);
        for (size_t i = 0; i < size; i++)
            sprintf(escaped + 4 * i, "\\x%02x", (unsigned char)bytes[i]);
        if (c > 0x3000 && c % 97) /* a part of what is plain anyway */
            continue;
        escape(bytes, size, 0);
        bool plain = written_size == size && memcmp(written, bytes, size) == 0;
        if (!plain)
            assert_string_equal(written, escaped);
        if (c < 0xa0 || changes_direction(c))
            assert_false(plain);
        else if (c < 0x200b || c >= 0x2070)
            assert_true(plain);
    }
}

/* Not UTF-8: too long forms, surrogates, beyond U+10FFFF, cut short, continuations alone. */
static void test_not_utf8(void **state)
{
    (void)state;
    check("\xc0\xaf", 2, "\\xc0\\xaf", 8);
    check("\xc1\xbf", 2, "\\xc1\\xbf", 8);
    check("\xe0\x80\xaf", 3, "\\xe0\\x80\\xaf", 12);
    check("\xe0\x82\x9b", 3, "\\xe0\\x82\\x9b", 12); /* CSI (U+009B) in three bytes */
    check("\xe0\x9f\xbf", 3, "\\xe0\\x9f\\xbf", 12);
    check("\xf0\x80\x80\x9b", 4, "\\xf0\\x80\\x80\\x9b", 16); /* ESC in four bytes */
    check("\xf0\x8f\xbf\xbf", 4, "\\xf0\\x8f\\xbf\\xbf", 16);
    check("\xed\xa0\x80", 3, "\\xed\\xa0\\x80", 12);
    check("\xed\xbf\xbf", 3, "\\xed\\xbf\\xbf", 12);
    check("\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80", 16);
    check("\xf5\x80\x80\x80", 4, "\\xf5\\x80\\x80\\x80", 16);
    check("\x80", 1, "\\x80", 4);
    check("\xc3", 1, "\\xc3", 4);
    check("\xe2\x82", 2, "\\xe2\\x82", 8);
    check("\xf0\x9f\x98", 3, "\\xf0\\x9f\\x98", 12);
    check("\xc3(", 2, "\\xc3(", 5);
    check("\xe2(\x82", 3, "\\xe2(\\x82", 9);
    check("\xc3\xa9\xc3", 3, "\xc3\xa9\\xc3", 5);
    check("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", 10, /* the last before and after each gap */
          "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf", 3);
}

/* Nothing behind the end of the bytes is read: ASan sees it. */
static void test_end(void **state)
{
    (void)state;
    for (unsigned first = 0xc2; first < 0xf5; first++) {
        char *byte = malloc(1);
        *byte = (char)first;
        assert_int_equal(escape(byte, 1, 0), 4);
        free(byte);
    }
}

static size_t columns_of(const char *text)
{
    size_t columns = 0;
    for (; *text; text++)
        columns += ((unsigned char)*text & 0xc0) != 0x80;
    return columns;
}

static void check_width(const char *text, size_t width, const char *want)
{
    size_t columns = escape(text, strlen(text), width);
    assert_string_equal(written, want);
    assert_int_equal(columns, columns_of(want));
}

static void test_width(void **state)
{
    (void)state;
    check_width("abcdef", 0, "abcdef");
    check_width("abcdef", 6, "abcdef");
    check_width("abcdef", 7, "abcdef");
    check_width("abcdef", 5, "ab...");
    check_width("abcdef", 4, "a...");
    check_width("abcdef", 3, "...");
    check_width("abc", 3, "abc");
    check_width("abcd", 3, "...");
    check_width("a\nb", 6, "a\\x0ab");
    check_width("a\nb", 5, "a...");
    check_width("\n", 4, "\\x0a");
    check_width("\n\n", 7, "\\x0a...");
    check_width("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 4, "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9");
    check_width("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 4, "\xc3\xa9...");
}

/* Any bytes in any width: never wider, never cut without saying so, what is left is a beginning. */
static void test_any_width(void **state)
{
    (void)state;
    uint64_t random = 99;
    for (unsigned round = 0; round < 30000; round++) {
        char bytes[24];
        for (unsigned i = 0; i < sizeof bytes; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = (char)(random >> 40 & 1 ? random >> 33 : 'a');
        }
        size_t size = round % (sizeof bytes + 1), width = round % 31;
        escape(bytes, size, 0);
        char whole[4 * sizeof bytes + 1];
        strcpy(whole, written);
        size_t columns = escape(bytes, size, width);
        assert_int_equal(columns, columns_of(written));
        for (size_t i = 0; i < written_size; i++)
            assert_true((unsigned char)written[i] >= 0x20 && written[i] != 0x7f);
        if (!width || columns_of(whole) <= width) {
            assert_string_equal(written, whole);
        } else if (width >= 3) {
            assert_true(columns <= width);
            assert_string_equal(written + written_size - 3, "...");
            assert_memory_equal(written, whole, written_size - 3);
        }
    }
}

static void check_size(uint64_t bytes, const char *want)
{
    char out[TEXT_SIZE];
    assert_ptr_equal(text_size(out, bytes), out);
    assert_string_equal(out, want);
}

static void test_size(void **state)
{
    (void)state;
    check_size(0, "0B");
    check_size(1, "1B");
    check_size(1023, "1023B");
    check_size(1024, "1K");
    check_size(1025, "1.0K");
    check_size(1536, "1.5K");
    check_size(4096, "4K");
    check_size(136 << 10, "136K");
    check_size(1020 << 10, "1020K");
    check_size(1 << 20, "1M");
    check_size((2 << 20) + (400 << 10), "2448K");
    check_size((2 << 20) + (400 << 10) + 1, "2.4M");
    check_size((16 << 20) - 1024, "16383K");
    check_size(16 << 20, "16M");
    check_size((16 << 20) + 4096, "16.0M");
    check_size(99 << 20 | 1 << 19, "99.5M");
    check_size(1ull << 30, "1G");
    check_size(3ull << 40, "3T");
    check_size(1ull << 50, "1P");
    check_size(1ull << 60, "1E");
    check_size(UINT64_MAX, "16E");
}

static void test_bytes_of(void **state)
{
    (void)state;
    char out[TEXT_BYTES];
    assert_string_equal(text_bytes(out, 0), "0 bytes");
    assert_string_equal(text_bytes(out, 1), "1 byte");
    assert_string_equal(text_bytes(out, UINT64_MAX), "18446744073709551615 bytes");
}

/* A number of four digits in a unit would be one more in the next: "1024K" is "1M". */
static void test_size_rounding(void **state)
{
    (void)state;
    check_size((1 << 20) - 1, "1.0M");
    check_size((1 << 20) - 4, "1.0M");
    check_size((1ull << 30) - 1, "1.0G");
    for (uint64_t bytes = 1001; bytes < 1ull << 62; bytes += (bytes / 37 + 1) | 1) {
        char out[TEXT_SIZE];
        if (bytes % 1024 == 0)
            continue;
        text_size(out, bytes);
        assert_true(strlen(out) <= 5);
        assert_true(bytes < 1024 || strtod(out, NULL) < 1024);
    }
}

static int clean(void **state)
{
    (void)state;
    free(written);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),         cmocka_unit_test(test_code_points),
        cmocka_unit_test(test_not_utf8),      cmocka_unit_test(test_end),
        cmocka_unit_test(test_width),         cmocka_unit_test(test_any_width),
        cmocka_unit_test(test_size),          cmocka_unit_test(test_bytes_of),
        cmocka_unit_test(test_size_rounding),
    };
    return cmocka_run_group_tests(tests, NULL, clean);
}
