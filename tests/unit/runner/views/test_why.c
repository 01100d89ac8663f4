/* runner/views/why.c and sentences.c: every reason has a sentence, and what stands in braces is
 * known. */
#include "runner/views/sentences.h"
#include "runner/views/why.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h> /* needs the two above it */

static struct region *region(uint64_t start, uint64_t end, unsigned perms)
{
    struct pmt_region raw = {.start = start, .end = end, .perms = (uint8_t)perms};
    return region_new(&raw, "");
}

static void test_every_reason_has_a_sentence(void **state)
{
    (void)state;
    for (unsigned code = REASON_NONE + 1; code < REASON_COUNT; code++) {
        assert_non_null(sentences[code].text);
        assert_int_not_equal(sentences[code].text[0], '\0');
    }
}

/* Of a call of the allocator with its model, never of a change. */
static bool is_of_call(unsigned code)
{
    return code >= REASON_BLOCK_AT_TOP && code <= REASON_REFUSED;
}

/* Nothing may be missing between the words: two blanks, a bracket with nothing in it. */
static void assert_filled_in(const char *text)
{
    assert_null(strpbrk(text, "{}"));
    assert_null(strstr(text, "  "));
    assert_null(strstr(text, "()"));
    assert_int_not_equal(text[strlen(text) - 1], ' ');
    assert_true(strlen(text) < 256); /* what the views have room for */
}

static void test_all_is_filled_in(void **state)
{
    (void)state;
    struct change change = {.type = CHANGE_ADDED,
                            .before = region(0x1000, 0x3000, PMT_PERM_READ),
                            .after = region(0x1000, 0x2000, PMT_PERM_WRITE),
                            .delta = -4096,
                            .cause = {.kind = CAUSE_KERNEL, .code = PMT_CALL_MALLOC}};
    for (unsigned type = CHANGE_ADDED; type <= CHANGE_MERGED; type++)
        for (unsigned code = REASON_NONE + 1; code < REASON_COUNT; code++) {
            char text[512];
            if (is_of_call(code))
                continue;
            change.type = type;
            change.reason = (struct reason){.code = code, .args = {7, 8, 9, 10}};
            why_text(&change, text, sizeof text);
            assert_filled_in(text);
        }
    region_drop(change.before);
    region_drop(change.after);
}

static void test_calls_are_filled_in(void **state)
{
    (void)state;
    struct image image = {.word_size = 4};
    struct model model = {.image = &image};
    struct pmt_alloc call = {.r.call = PMT_CALL_REALLOC, .addr = 0x5000, .size = 30, .chunk = 0x31};
    allocations_init(&image.allocations);
    for (unsigned code = 0; code < REASON_COUNT; code++) {
        char text[512];
        if (!is_of_call(code))
            continue;
        model.reason = (struct reason){.code = code, .args = {7, 8, 9, 10}};
        why_call_text(&model, &call, text, sizeof text);
        assert_filled_in(text);
        assert_true(code != REASON_BLOCK_GROWN || strstr(text, "48 bytes (30 bytes + 4 of header"));
    }
    allocations_free(&image.allocations);
}

static void test_values(void **state)
{
    (void)state;
    char text[256];
    struct change change = {
        .type = CHANGE_ADDED,
        .cause = {.kind = CAUSE_KERNEL, .code = PMT_CALL_CALLOC, .kernel = PMT_CALL_MMAP2},
        .reason = {REASON_MMAP_THRESHOLD, {160000, 131072}}};
    why_text(&change, text, sizeof text);
    assert_non_null(strstr(text, "160000 bytes, with"));
    assert_non_null(strstr(text, "threshold (128K)"));
    change.reason = (struct reason){.code = REASON_MALLOC_MORE};
    why_text(&change, text, sizeof text);
    assert_non_null(strstr(text, "calloc"));
    change.reason = (struct reason){.code = REASON_PROTECTED};
    change.before = region(0x1000, 0x2000, PMT_PERM_READ);
    change.after = region(0x1000, 0x2000, PMT_PERM_READ | PMT_PERM_SHARED);
    why_text(&change, text, sizeof text);
    assert_non_null(strstr(text, "from r--p to r--s"));
    region_drop(change.before);
    region_drop(change.after);
}

static void test_room(void **state)
{
    (void)state;
    struct change change = {.reason = {REASON_MMAP_THRESHOLD, {160000, 131072}}};
    char whole[256], text[256];
    why_text(&change, whole, sizeof whole);
    for (size_t size = 1; size <= strlen(whole); size++) {
        why_text(&change, text, size);
        assert_true(strlen(text) < size);
        assert_memory_equal(text, whole, strlen(text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_reason_has_a_sentence),
                                       cmocka_unit_test(test_all_is_filled_in),
                                       cmocka_unit_test(test_calls_are_filled_in),
                                       cmocka_unit_test(test_values), cmocka_unit_test(test_room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
