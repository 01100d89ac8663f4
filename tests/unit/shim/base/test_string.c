/* shim/base/string.c against libc, with all alignments and lengths that matter. */
#include "tests/unit/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h> /* needs the four above it */

/* Under names of their own: the sanitizers have the others. */
#define memcmp own_memcmp
#define memcpy own_memcpy
#define memmem own_memmem
#define memmove own_memmove
#define memset own_memset
#define strcat own_strcat
#define strchr own_strchr
#define strcmp own_strcmp
#define strcpy own_strcpy
#define strcspn own_strcspn
#define strlen own_strlen
#define strncat own_strncat
#define strncmp own_strncmp
#define strnlen own_strnlen
#define strrchr own_strrchr
#define strspn own_strspn
#define OWN(result, name, ...) result own_##name(__VA_ARGS__)
OWN(void *, memcpy, void *restrict, const void *restrict, size_t);
OWN(int, memcmp, const void *, const void *, size_t);
OWN(size_t, strnlen, const char *, size_t);
OWN(size_t, strlen, const char *);
OWN(int, strncmp, const char *, const char *, size_t);
OWN(char *, strchr, const char *, int);
OWN(char *, strcpy, char *restrict, const char *restrict);
#include "shim/base/string.c"
#undef memcmp
#undef memcpy
#undef memmem
#undef memmove
#undef memset
#undef strcat
#undef strchr
#undef strcmp
#undef strcpy
#undef strcspn
#undef strlen
#undef strncat
#undef strncmp
#undef strnlen
#undef strrchr
#undef strspn

#define MOST 40

static unsigned char plain[3 * MOST], expected[3 * MOST], got[3 * MOST];

static void fill(void)
{
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = expected[i] = got[i] = (unsigned char)(7 * i + 1);
}

static void test_copies(void **state)
{
    (void)state;
    for (size_t to = 0; to < 17; to++)
        for (size_t size = 0; size < MOST; size++) {
            fill();
            assert_ptr_equal(own_memcpy(got + to, plain + 3, size), got + to);
            memcpy(expected + to, plain + 3, size);
            assert_memory_equal(got, expected, sizeof got);
            fill();
            assert_ptr_equal(own_memset(got + to, 0x1c5, size), got + to);
            memset(expected + to, 0x1c5, size);
            assert_memory_equal(got, expected, sizeof got);
        }
}

static void test_overlapping_copies(void **state)
{
    (void)state;
    for (size_t to = 0; to < 2 * 17; to++)
        for (size_t size = 0; size < MOST; size++) {
            fill();
            assert_ptr_equal(own_memmove(got + to, got + 17, size), got + to);
            memmove(expected + to, expected + 17, size);
            assert_memory_equal(got, expected, sizeof got);
        }
}

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

/* Texts of a few letters only, so that they are often equal or begin alike. */
static void test_comparisons(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int round = 0; round < 100000; round++) {
        char a[9], b[9];
        for (size_t i = 0; i < sizeof a; i++) {
            a[i] = "aab\xff"[random_number(&seed) % 4];
            b[i] = "aab\xff"[random_number(&seed) % 4];
        }
        a[random_number(&seed) % sizeof a] = a[8] = '\0';
        b[random_number(&seed) % sizeof b] = b[8] = '\0';
        size_t most = random_number(&seed) % 10, length = random_number(&seed) % 9;
        assert_int_equal(sign(own_memcmp(a, b, length)), sign(memcmp(a, b, length)));
        assert_int_equal(sign(own_strcmp(a, b)), sign(strcmp(a, b)));
        assert_int_equal(sign(own_strncmp(a, b, most)), sign(strncmp(a, b, most)));
        assert_int_equal(own_strlen(a), strlen(a));
        assert_int_equal(own_strnlen(a, most % 9), strnlen(a, most % 9));
        assert_ptr_equal(own_strchr(a, 'b'), strchr(a, 'b'));
        assert_ptr_equal(own_strchr(a, 0xff), strchr(a, 0xff));
        assert_ptr_equal(own_strrchr(a, 'a'), strrchr(a, 'a'));
        assert_ptr_equal(own_strrchr(a, '\0'), strrchr(a, '\0'));
        assert_int_equal(own_strspn(a, b), strspn(a, b));
        assert_int_equal(own_strcspn(a, b), strcspn(a, b));
        assert_ptr_equal(own_memmem(a, sizeof a, b, length % 4),
                         memmem(a, sizeof a, b, length % 4));
        char joined[32], by_libc[32];
        own_strcat(own_strcpy(joined, a), b);
        assert_string_equal(joined, strcat(strcpy(by_libc, a), b));
        assert_string_equal(own_strncat(joined, a, most), strncat(by_libc, a, most));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_overlapping_copies),
        cmocka_unit_test(test_comparisons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
