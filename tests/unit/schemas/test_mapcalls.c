/* schemas/mapcalls.c: what each call does in each ABI, and the ranges of each effect. */
#include "schemas/mapcalls.h"
#include <asm/unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include <cmocka.h> /* needs the four above it */

#define X32 0x40000000u
#define SHMAT 21
#define SHMDT 22
#define PR_SET_VMA 0x53564d41
#define PR_SET_NAME 15

/* Of the machine that this is compiled for the numbers can be had from elsewhere. */
static struct mapcalls_call decoded(enum mapcalls_abi abi, uint64_t nr, const uint64_t args[6])
{
    struct mapcalls_call call;
    memset(&call, 0xff, sizeof call);
    memcpy(call.args, args, sizeof call.args);
    mapcalls_decode(&call, abi, nr);
    return call;
}

static void test_numbers(void **state)
{
    static const struct {
        uint64_t nr;
        enum pmt_call call;
        enum mapcalls_effect effect;
    } calls[] = {
        {__NR_brk, PMT_CALL_BRK, MAPCALLS_BRK},
        {__NR_mmap, PMT_CALL_MMAP, MAPCALLS_RESULT},
        {__NR_munmap, PMT_CALL_MUNMAP, MAPCALLS_ARGS},
        {__NR_mremap, PMT_CALL_MREMAP, MAPCALLS_BOTH},
        {__NR_mprotect, PMT_CALL_MPROTECT, MAPCALLS_ARGS},
        {__NR_pkey_mprotect, PMT_CALL_PKEY_MPROTECT, MAPCALLS_ARGS},
        {__NR_mlock, PMT_CALL_MLOCK, MAPCALLS_ARGS},
        {__NR_mlock2, PMT_CALL_MLOCK2, MAPCALLS_ARGS},
        {__NR_munlock, PMT_CALL_MUNLOCK, MAPCALLS_ARGS},
        {__NR_mlockall, PMT_CALL_MLOCKALL, MAPCALLS_ANYWHERE},
        {__NR_munlockall, PMT_CALL_MUNLOCKALL, MAPCALLS_ANYWHERE},
        {__NR_remap_file_pages, PMT_CALL_REMAP_FILE_PAGES, MAPCALLS_ARGS},
        {__NR_shmat, PMT_CALL_SHMAT, MAPCALLS_ATTACH},
        {__NR_shmdt, PMT_CALL_SHMDT, MAPCALLS_DETACH},
        {__NR_mbind, PMT_CALL_MBIND, MAPCALLS_ARGS},
        {450, PMT_CALL_SET_MEMPOLICY_HOME_NODE, MAPCALLS_ARGS},
        {462, PMT_CALL_MSEAL, MAPCALLS_ARGS},
        {__NR_io_setup, PMT_CALL_IO_SETUP, MAPCALLS_ANYWHERE},
        {__NR_io_destroy, PMT_CALL_IO_DESTROY, MAPCALLS_ANYWHERE},
        {440, PMT_CALL_PROCESS_MADVISE, MAPCALLS_ANYWHERE}, /* advice 0 */
        {__NR_execve, PMT_CALL_NONE, MAPCALLS_EXEC},
        {__NR_execveat, PMT_CALL_NONE, MAPCALLS_EXEC},
        {__NR_getpid, PMT_CALL_NONE, MAPCALLS_NOTHING},
        {UINT64_MAX, PMT_CALL_NONE, MAPCALLS_NOTHING}, /* where an ABI has no number is -1 */
        {X32 | __NR_mmap, PMT_CALL_NONE, MAPCALLS_NOTHING},
    };
    static const uint64_t none[6];
    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct mapcalls_call c = decoded(MAPCALLS_X86_64, calls[i].nr, none);
        assert_int_equal(c.call, calls[i].call);
        assert_int_equal(c.effect, calls[i].effect);
    }
}

static void test_decode(void **state)
{
    (void)state;
    uint64_t args[6] = {1, 8192, 3, 0x22, 0xffffffff, 2};
    struct mapcalls_call c = decoded(MAPCALLS_I386, 192, args);
    assert_int_equal(c.call, PMT_CALL_MMAP2);
    assert_int_equal(c.args[5], 8192); /* in bytes */
    uint64_t ipc[6] = {SHMAT, 7, 5, 0x1000, 0x2000, 0};
    c = decoded(MAPCALLS_I386, 117, ipc);
    assert_int_equal(c.call, PMT_CALL_SHMAT);
    assert_int_equal(c.args[0], 7);
    assert_int_equal(c.args[1], 0x2000);
    assert_int_equal(c.args[2], 5);
    assert_int_equal(c.result_at, 0x1000);
    ipc[0] = SHMDT;
    c = decoded(MAPCALLS_I386, 117, ipc);
    assert_int_equal(c.call, PMT_CALL_SHMDT);
    assert_int_equal(c.args[0], 0x2000);
    c = decoded(MAPCALLS_I386, 90, args);
    assert_int_equal(c.arguments_at, 1);
    mapcalls_old_mmap(&c, (const uint32_t[]){0, 4096, 3, MAP_POPULATE, 5, 6});
    assert_int_equal(c.args[1], 4096);
    assert_true(c.may_block);
    assert_int_equal(decoded(MAPCALLS_I386, 274, args).call, PMT_CALL_MBIND);
    assert_int_equal(decoded(MAPCALLS_I386, 245, args).call, PMT_CALL_IO_SETUP);
    assert_int_equal(decoded(MAPCALLS_I386, 246, args).call, PMT_CALL_IO_DESTROY);
    assert_int_equal(decoded(MAPCALLS_X32, 543 | X32, args).call, PMT_CALL_IO_SETUP);
    c = decoded(MAPCALLS_X32, 520 | X32, args);
    assert_int_equal(c.effect, MAPCALLS_EXEC);
    c = decoded(MAPCALLS_X86_64, 322, args);
    assert_int_equal(c.args[0], 8192); /* execveat: the path comes second */
}

static unsigned ranges(enum mapcalls_effect effect, uint64_t a0, uint64_t a1, uint64_t a2,
                       uint64_t result, uint64_t old, struct mapcalls_range out[2])
{
    struct mapcalls_call c = {.call = PMT_CALL_MMAP, .effect = effect, .args = {a0, a1, a2}};
    struct mapcalls_outcome o = {
        .result = result, .old_brk = old, .region_end = old, .page_size = 4096};
    return mapcalls_ranges(&c, &o, out);
}

static void assert_range(const struct mapcalls_range *r, uint64_t lo, uint64_t hi)
{
    assert_int_equal(r->lo, lo);
    assert_int_equal(r->hi, hi);
}

static bool may_be_anywhere(enum mapcalls_effect effect, uint64_t flags, bool failed)
{
    struct mapcalls_call c = {.effect = effect, .args = {[2] = flags}};
    return mapcalls_may_be_anywhere(&c, &(struct mapcalls_outcome){.failed = failed});
}

static void test_ranges(void **state)
{
    struct mapcalls_range r[2];
    (void)state;
    assert_int_equal(ranges(MAPCALLS_RESULT, 0, 5000, 0, 0x10000, 0, r), 1);
    assert_range(r, 0x10000, 0x12000);
    assert_int_equal(ranges(MAPCALLS_ARGS, 0x3000, 0x1000, 0, 0, 0, r), 1);
    assert_range(r, 0x3000, 0x4000);
    assert_int_equal(ranges(MAPCALLS_ARGS, 0x3000, 0, 0, 0, 0, r), 0);
    assert_int_equal(ranges(MAPCALLS_BRK, 0, 0, 0, 0x5800, 0x5100, r), 0); /* the same page */
    assert_int_equal(ranges(MAPCALLS_BRK, 0, 0, 0, 0x7000, 0x5100, r), 1);
    assert_range(r, 0x5000, 0x7000);
    assert_int_equal(ranges(MAPCALLS_BRK, 0, 0, 0, 0x5000, 0x7000, r), 1);
    assert_range(r, 0x5000, 0x7000);
    assert_int_equal(ranges(MAPCALLS_BOTH, 0x90000, 0x1000, 0x3000, 0x10000, 0, r), 2);
    assert_range(&r[0], 0x10000, 0x13000);
    assert_range(&r[1], 0x90000, 0x91000);
    assert_int_equal(ranges(MAPCALLS_BOTH, 0x10000, 0x1000, 0x3000, 0x10000, 0, r), 1);
    assert_range(r, 0x10000, 0x13000);
    assert_int_equal(ranges(MAPCALLS_ATTACH, 0, 0, 0, 0x8000, 0xa000, r), 1);
    assert_range(r, 0x8000, 0xa000);
    assert_int_equal(ranges(MAPCALLS_ANYWHERE, 0, 0, 0, 0, 0, r), 0);
    assert_true(may_be_anywhere(MAPCALLS_ANYWHERE, 0, false));
    assert_false(may_be_anywhere(MAPCALLS_ARGS, 0, false));
    /* shmat of which nobody can say where it ends */
    assert_int_equal(ranges(MAPCALLS_ATTACH, 0, 0, 0, 0x8000, 0x8000, r), 0);
    assert_true(may_be_anywhere(MAPCALLS_ATTACH, 0, false));
}

static unsigned failed(enum mapcalls_effect effect, const uint64_t a[6],
                       struct mapcalls_range out[2])
{
    struct mapcalls_call c = {.effect = effect};
    memcpy(c.args, a, sizeof c.args);
    return mapcalls_ranges(&c, &(struct mapcalls_outcome){.failed = true, .page_size = 4096}, out);
}

/* A call that fails may have done a part of its work before. */
static void test_failed(void **state)
{
    struct mapcalls_range r[2];
    (void)state;
    assert_int_equal(failed(MAPCALLS_ARGS, (uint64_t[6]){0x3000, 0x5000}, r), 1); /* a hole */
    assert_range(r, 0x3000, 0x8000);
    assert_int_equal(failed(MAPCALLS_ARGS, (uint64_t[6]){0x3000, -0x1000ull}, r), 0);
    assert_int_equal(failed(MAPCALLS_NAMED, (uint64_t[6]){0, 0, 0x3000, 0x5000}, r), 1);
    assert_range(r, 0x3000, 0x8000);
    assert_int_equal(failed(MAPCALLS_RESULT, (uint64_t[6]){0x3000, 4096, 0, MAP_PRIVATE}, r), 0);
    assert_int_equal(failed(MAPCALLS_RESULT, (uint64_t[6]){0x3000, 4096, 0, MAP_FIXED}, r), 1);
    assert_range(r, 0x3000, 0x4000);
    assert_int_equal(failed(MAPCALLS_BOTH, (uint64_t[6]){0x3000, 4096, 8192, 1}, r), 1);
    assert_range(r, 0x3000, 0x4000);
    assert_int_equal(failed(MAPCALLS_BOTH, (uint64_t[6]){0x90000, 4096, 8192, 3, 0x3000}, r), 2);
    assert_range(&r[0], 0x3000, 0x5000);
    assert_range(&r[1], 0x90000, 0x91000);
    assert_int_equal(failed(MAPCALLS_ATTACH, (uint64_t[6]){1, 0x3000}, r), 0);
    assert_false(may_be_anywhere(MAPCALLS_ATTACH, 0, true));
    assert_true(may_be_anywhere(MAPCALLS_ATTACH, SHM_REMAP, true));
    assert_false(may_be_anywhere(MAPCALLS_DETACH, 0, true));
}

/* Whole huge pages, of the default size or of that in the flags. */
static void test_huge(void **state)
{
    struct mapcalls_range r[2];
    struct mapcalls_call c = {.effect = MAPCALLS_RESULT, .args = {0, 4096, 3, MAP_HUGETLB}};
    struct mapcalls_outcome o = {.result = 0x40000000, .page_size = 4096};
    (void)state;
    assert_int_equal(mapcalls_ranges(&c, &o, r), 1);
    assert_range(r, 0x40000000, 0x40200000);
    c.args[3] |= 30u << 26;
    assert_int_equal(mapcalls_ranges(&c, &o, r), 1);
    assert_range(r, 0x40000000, 0x80000000);
}

/* One argument tells whether the map changes; of it the kernel takes an int. */
static void test_choices(void **state)
{
    uint64_t madvise[6] = {0x1000, 0x1000, MADV_DONTFORK}, prctl[6] = {PR_SET_VMA, 0, 0x1000, 5};
    (void)state;
    struct mapcalls_call c = decoded(MAPCALLS_X86_64, __NR_madvise, madvise);
    assert_int_equal(c.call, PMT_CALL_MADVISE);
    assert_int_equal(c.effect, MAPCALLS_ARGS);
    madvise[2] = MADV_DONTNEED;
    c = decoded(MAPCALLS_X86_64, __NR_madvise, madvise);
    assert_int_equal(c.call, PMT_CALL_MADVISE);
    assert_int_equal(c.effect, MAPCALLS_NOTHING);
    madvise[2] = 1ull << 32 | MADV_DONTFORK;
    assert_int_equal(decoded(MAPCALLS_X86_64, __NR_madvise, madvise).effect, MAPCALLS_ARGS);
    uint64_t other[6] = {3, 0x1000, 1, MADV_DONTFORK};
    c = decoded(MAPCALLS_X86_64, 440, other);
    assert_int_equal(c.effect, MAPCALLS_ANYWHERE);
    assert_true(mapcalls_may_be_anywhere(&c, &(struct mapcalls_outcome){.failed = true}));
    other[3] = MADV_DONTNEED;
    assert_int_equal(decoded(MAPCALLS_X86_64, 440, other).effect, MAPCALLS_NOTHING);
    c = decoded(MAPCALLS_X86_64, __NR_prctl, prctl);
    assert_int_equal(c.call, PMT_CALL_PRCTL);
    assert_int_equal(c.effect, MAPCALLS_NAMED);
    prctl[0] = PR_SET_NAME;
    c = decoded(MAPCALLS_X86_64, __NR_prctl, prctl);
    assert_int_equal(c.call, PMT_CALL_NONE);
    assert_int_equal(c.effect, MAPCALLS_NOTHING);
}

static bool may_unmap(enum pmt_call call, uint64_t flags, uint64_t result, uint64_t old_brk)
{
    struct mapcalls_call c = {.call = call, .args = {[3] = flags}};
    return mapcalls_may_unmap(&c, &(struct mapcalls_outcome){.result = result, .old_brk = old_brk});
}

static void test_may_unmap(void **state)
{
    (void)state;
    assert_true(may_unmap(PMT_CALL_BRK, 0, 0x5000, 0x7000));
    assert_false(may_unmap(PMT_CALL_BRK, 0, 0x7000, 0x5000));
    assert_true(may_unmap(PMT_CALL_MMAP, MAP_PRIVATE | MAP_FIXED, 0x5000, 0));
    assert_false(may_unmap(PMT_CALL_MMAP2, MAP_PRIVATE, 0x5000, 0));
    assert_true(may_unmap(PMT_CALL_MUNMAP, 0, 0, 0));
    assert_true(may_unmap(PMT_CALL_MPROTECT, 0, 0, 0));
    assert_false(may_unmap(PMT_CALL_MADVISE, 0, 0, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),   cmocka_unit_test(test_decode),
        cmocka_unit_test(test_ranges),    cmocka_unit_test(test_choices),
        cmocka_unit_test(test_may_unmap), cmocka_unit_test(test_failed),
        cmocka_unit_test(test_huge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
