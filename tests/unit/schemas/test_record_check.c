/* schemas/record_check.c: every sample passes, every way to spoil one does not, and what passes can
 * be encoded whatever is in it. */
#include "schemas/record_check.h"
#include "tests/unit/records.h"
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h> /* needs the four above it */

static union record record;

static void test_samples(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        sample_record(&record, i);
        assert_true(record_valid(&record.r, pmt_record_size(&record.r)));
        assert_true(record_valid(&record.r, sizeof record)); /* more may follow */
    }
}

/* Less to read than the record says, and a record that says less than it needs. */
static void test_sizes(void **state)
{
    (void)state;
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        sample_record(&record, i);
        size_t size = pmt_record_size(&record.r);
        for (size_t less = 0; less < size; less++) {
            void *copy = malloc(less ? less : 1);
            assert_non_null(copy);
            memcpy(copy, &record, less);
            assert_false(record_valid(copy, less));
            free(copy);
        }
        record.r.units--;
        assert_false(record_valid(&record.r, size));
        record.r.units = 0;
        assert_false(record_valid(&record.r, size));
        record.r.units = UINT16_MAX;
        assert_false(record_valid(&record.r, SIZE_MAX));
    }
}

static void test_types(void **state)
{
    (void)state;
    memset(&record, 0, sizeof record);
    record.r.units = sizeof record / PMT_RECORD_ALIGN;
    for (int type = PMT_RECORD_TYPE_COUNT; type < 256; type++) {
        record.r.type = (uint8_t)type;
        assert_false(record_valid(&record.r, sizeof record));
    }
    record.r.type = PMT_RECORD_NONE;
    assert_false(record_valid(&record.r, sizeof record));
}

/* The numbers of `call` that pass are exactly first to last and first_more to last_more. */
static void check_two_lots(enum sample which, unsigned first, unsigned last, unsigned first_more,
                           unsigned last_more)
{
    for (unsigned call = 0; call < 256; call++) {
        sample_record(&record, which);
        record.r.call = (uint8_t)call;
        assert_int_equal(record_valid(&record.r, sizeof record),
                         (call >= first && call <= last) ||
                             (call >= first_more && call <= last_more));
    }
}

static void check_calls(enum sample which, unsigned first, unsigned last)
{
    check_two_lots(which, first, last, first, last);
}

static void test_calls(void **state)
{
    (void)state;
    check_calls(SAMPLE_MALLOC, PMT_CALL_MALLOC, PMT_CALL_CALLOC);
    check_calls(SAMPLE_FREE, PMT_CALL_FREE, PMT_CALL_FREE);
    check_two_lots(SAMPLE_BRK, PMT_CALL_BRK, PMT_CALL_PRCTL, PMT_CALL_MBIND, PMT_CALL_COUNT - 1);
    check_calls(SAMPLE_SNAPSHOT, PMT_REASON_START, PMT_REASON_FORBIDS);
    check_calls(SAMPLE_FORK, PMT_CALL_FORK, PMT_CALL_CLONE);
    check_calls(SAMPLE_UNFOLLOWED, PMT_UNFOLLOWED_UNREACHABLE, PMT_UNFOLLOWED_ENVIRONMENT);
    check_calls(SAMPLE_FORBIDDEN, PMT_FORBIDDEN_FILTER, PMT_FORBIDDEN_TSC);
    check_calls(SAMPLE_LOSS, PMT_LOSS_RUNNER_GONE, PMT_LOSS_LOCK);
    for (unsigned call = 0; call < 256; call++) {
        sample_record(&record, SAMPLE_REALLOC);
        record.r.call = (uint8_t)call;
        bool allocates =
            call >= PMT_CALL_MALLOC && call <= PMT_CALL_PVALLOC && call != PMT_CALL_FREE;
        assert_int_equal(record_valid(&record.r, sizeof record), allocates);
    }
}

/* Sets one field of a sample; the record must be `valid` afterwards. */
#define CHECK(which, valid, assignment)                                                            \
    do {                                                                                           \
        sample_record(&record, which);                                                             \
        assignment;                                                                                \
        assert_int_equal(record_valid(&record.r, pmt_record_size(&record.r)), valid);              \
    } while (0)

static void test_fields(void **state)
{
    (void)state;
    CHECK(SAMPLE_PROCESS, true, record.process.word_size = 8);
    CHECK(SAMPLE_PROCESS, false, record.process.word_size = 0);
    CHECK(SAMPLE_PROCESS, false, record.process.word_size = 5);
    CHECK(SAMPLE_PROCESS, false, record.process.pie = 2);
    CHECK(SAMPLE_PROCESS, false, record.process.query = 255);
    CHECK(SAMPLE_PROCESS, false, record.process.page_size = 0);
    CHECK(SAMPLE_PROCESS, false, record.process.page_size = 4097);
    CHECK(SAMPLE_PROCESS, true, record.process.page_size = 65536);
    CHECK(SAMPLE_PROCESS, false, record.process.argv_size--);
    CHECK(SAMPLE_PROCESS, false, record.process.argv_size = UINT32_MAX);
    CHECK(SAMPLE_PROCESS, true, record.process.argv_size = 0);
    CHECK(SAMPLE_PROCESS, false, record.process.exe_size = UINT16_MAX);
    CHECK(SAMPLE_PROCESS, false, record.process.libc_size += 8);
    CHECK(SAMPLE_MALLOC_FAILED, true, record.alloc.error = 4095);
    CHECK(SAMPLE_MALLOC_FAILED, false, record.alloc.error = 4096);
    CHECK(SAMPLE_MMAP_DLOPEN, false, record.kernel.within.call = PMT_CALL_COUNT);
    CHECK(SAMPLE_MMAP_DLOPEN, true, record.kernel.within.call = PMT_CALL_LOADER);
    CHECK(SAMPLE_MMAP_DLOPEN, false, record.kernel.within.name_size = 17);
    CHECK(SAMPLE_STACK, false, record.r.stack_id = 0);
    CHECK(SAMPLE_STACK, false, record.stack.frames = 4);
    CHECK(SAMPLE_STACK, false, record.stack.frames = UINT32_MAX);
    CHECK(SAMPLE_EXEC, false, record.exec.error = -1);
    CHECK(SAMPLE_EXEC, false, record.exec.path_size = 9);
    CHECK(SAMPLE_EXEC, false, record.exec.path_size = UINT32_MAX);
    CHECK(SAMPLE_FATAL, true, record.r.call = 4);
    CHECK(SAMPLE_FATAL, false, record.r.call = 9);
    CHECK(SAMPLE_FATAL, false, record.r.call = 0);
    CHECK(SAMPLE_FATAL, true, record.fatal.access = PMT_ACCESS_UNKNOWN);
    CHECK(SAMPLE_FATAL, false, record.fatal.access = PMT_ACCESS_UNKNOWN + 1);
    CHECK(SAMPLE_FATAL, false, record.fatal.message_size = 1);
    CHECK(SAMPLE_FATAL_ABORT, true, record.fatal.message_size = 8);
    CHECK(SAMPLE_FATAL_ABORT, false, record.fatal.message_size = 9);
    CHECK(SAMPLE_FATAL_ABORT, false, record.fatal.message_size = UINT32_MAX);
    CHECK(SAMPLE_EXIT, true, record.exit.signal = 64);
    CHECK(SAMPLE_EXIT, false, record.exit.signal = 65);
    CHECK(SAMPLE_EXIT, true, record.exit.end = PMT_END_DETACHED);
    CHECK(SAMPLE_EXIT, false, record.exit.end = PMT_END_DETACHED + 1);
    CHECK(SAMPLE_EXIT, false, record.exit.end = UINT32_MAX);
    CHECK(SAMPLE_EXIT_SIGNAL, false, record.exit.end = PMT_END_EXEC);
    CHECK(SAMPLE_PROCESS, true, record.process.origin = PMT_ORIGIN_EXEC);
    CHECK(SAMPLE_PROCESS, false, record.process.origin = PMT_ORIGIN_EXEC + 1);
    CHECK(SAMPLE_PROCESS, true, record.process.backend = PMT_BACKEND_PTRACE);
    CHECK(SAMPLE_PROCESS, false, record.process.backend = PMT_BACKEND_PTRACE + 1);
    CHECK(SAMPLE_PROCESS, false, record.process.statically_linked = 2);
    CHECK(SAMPLE_PROCESS, false, record.process.blind = 255);
    CHECK(SAMPLE_PROCESS_FORK, true, record.process.fork_id = UINT32_MAX);
    CHECK(SAMPLE_THREAD_START, true, record.thread.stack = UINT64_MAX);
    CHECK(SAMPLE_THREAD_START, false, record.thread.event = 2);
    CHECK(SAMPLE_THREAD_END, false, record.thread.event = UINT32_MAX);
    sample_stack(&record, PMT_MAX_FRAMES);
    assert_true(record_valid(&record.r, sizeof record));
    sample_stack(&record, PMT_MAX_FRAMES + 1);
    assert_false(record_valid(&record.r, sizeof record));
}

static struct pmt_region *first_region(void)
{
    return (struct pmt_region *)(record.bytes + sizeof record.snapshot +
                                 pmt_align(record.snapshot.within.name_size));
}

static struct pmt_region *second_region(void)
{
    return (struct pmt_region *)((char *)(first_region() + 1) +
                                 pmt_align(first_region()->path_size));
}

static void test_snapshots(void **state)
{
    (void)state;
    CHECK(SAMPLE_SNAPSHOT, false, record.snapshot.hi = record.snapshot.lo);
    CHECK(SAMPLE_SNAPSHOT, false, record.snapshot.flags = 4);
    CHECK(SAMPLE_SNAPSHOT, false, record.snapshot.regions = 4);
    CHECK(SAMPLE_SNAPSHOT, false, record.snapshot.regions = UINT32_MAX);
    CHECK(SAMPLE_SNAPSHOT, true, record.snapshot.regions = 2);
    CHECK(SAMPLE_SNAPSHOT, false, record.snapshot.within.call = 255);
    CHECK(SAMPLE_SNAPSHOT, false, record.snapshot.within.name_size = 255);
    CHECK(SAMPLE_SNAPSHOT, false, first_region()->end = first_region()->start);
    CHECK(SAMPLE_SNAPSHOT, false, first_region()->start += 1);
    CHECK(SAMPLE_SNAPSHOT, false, first_region()->end += 0x800);
    CHECK(SAMPLE_SNAPSHOT, false, first_region()->perms = 16);
    CHECK(SAMPLE_SNAPSHOT, false, first_region()->path_size = UINT16_MAX);
    CHECK(SAMPLE_SNAPSHOT, false, first_region()->end += 0x1000); /* into the second */
    CHECK(SAMPLE_SNAPSHOT, false, second_region()->start -= 0x1000);
    CHECK(SAMPLE_SNAPSHOT, false, record.snapshot.lo = 0x56558000); /* behind the first */
    CHECK(SAMPLE_SNAPSHOT, false, record.snapshot.hi = 0x5655b000); /* before the third */
}

/* Copies into memory of exactly its size, so that the sanitizer sees each byte too far. */
static bool check_mutated(size_t size, char *line, size_t line_size, bool parse)
{
    struct encode_context c = sample_context(1);
    union record *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, &record, size);
    bool valid = record_valid(&copy->r, size);
    if (valid) {
        size_t written = encode_record(line, line_size, &copy->r, &c);
        assert_true(written > 0);
        json_error_t error;
        json_t *event = parse ? json_loadb(line, written, JSON_ALLOW_NUL, &error) : NULL;
        if (parse && !event && json_error_code(&error) != json_error_numeric_overflow)
            fail_msg("%s in %.*s", error.text, (int)written, line);
        json_decref(event);
    }
    free(copy);
    return valid;
}

static void test_fuzz(void **state)
{
    (void)state;
    const int rounds = 1000000;
    const size_t line_size = 1u << 20;
    char *line = malloc(line_size);
    assert_non_null(line);
    uint64_t seed = 20240902;
    int valid = 0;
    for (int i = 0; i < rounds; i++) {
        sample_record(&record, i % SAMPLE_COUNT);
        size_t size = pmt_record_size(&record.r);
        mutate_bytes(record.bytes + 4, size - 4, &seed);
        if (random_number(&seed) % 2)
            mutate_bytes(record.bytes + 4, size < 80 ? size - 4 : 76, &seed);
        if (random_number(&seed) % 8 == 0)
            size = random_number(&seed) % (size + 1);
        valid += check_mutated(size, line, line_size, i % 8 == 0);
    }
    assert_in_range(valid, rounds / 10,
                    rounds); /* else the mutations are too wild to test anything */
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),   cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_types),     cmocka_unit_test(test_calls),
        cmocka_unit_test(test_snapshots), cmocka_unit_test(test_fields),
        cmocka_unit_test(test_fuzz),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
