/* runner/syscalls.c: the filter, run here by a small interpreter, must stop exactly the calls that
 * are decoded as of interest; and the ranges of each effect. */
#include "runner/ptrace/syscalls.h"
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h> /* needs the four above it */

#define X32 0x40000000u
#define SHMAT 21
#define SHMDT 22

static uint32_t filter(const struct sock_filter *code, unsigned length, struct seccomp_data *data)
{
    uint32_t word = 0;
    for (unsigned at = 0; at < length; at++) {
        const struct sock_filter *i = &code[at];
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            assert_true(i->k + sizeof word <= sizeof *data && i->k % sizeof word == 0);
            memcpy(&word, (const char *)data + i->k, sizeof word);
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            at += word == i->k ? i->jt : i->jf;
            break;
        case BPF_RET | BPF_K:
            return i->k;
        default:
            fail_msg("instruction %x", i->code);
        }
    }
    fail_msg("the filter has no end");
    return 0;
}

static bool is_stopped(uint32_t arch, uint32_t nr, const uint64_t args[6])
{
    static struct sock_filter code[SYSCALLS_FILTER_MAX];
    unsigned length = syscalls_filter(code);
    assert_in_range(length, 1, SYSCALLS_FILTER_MAX);
    struct seccomp_data data = {.nr = (int)nr, .arch = arch};
    for (int i = 0; i < 6; i++)
        data.args[i] = args[i];
    uint32_t action = filter(code, length, &data);
    assert_true(action == SECCOMP_RET_TRACE || action == SECCOMP_RET_ALLOW);
    return action == SECCOMP_RET_TRACE;
}

static void test_filter_agrees_with_decode(void **state)
{
    static const uint32_t archs[] = {AUDIT_ARCH_I386, AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64};
    static const uint64_t values[] = {0, 4, 9, 10, 14, 17, 18, 0x53564d41, SHMAT, SHMDT};
    unsigned stopped = 0;
    (void)state;
    for (unsigned a = 0; a < 3; a++)
        for (uint32_t nr = 0; nr < 1200; nr++)
            for (unsigned v = 0; v < sizeof values / sizeof *values; v++) {
                uint32_t whole = nr < 600 ? nr : (nr - 600) | X32;
                uint64_t args[6] = {values[v], 0, values[v], 0, 0, 0};
                struct syscalls_call call = syscalls_decode(archs[a], whole, args);
                bool is_ipc = archs[a] == AUDIT_ARCH_I386 && whole == 117;
                bool stops = is_stopped(archs[a], whole, args);
                stopped += stops;
                if (!is_ipc) /* all its kinds stop */
                    assert_int_equal(stops, call.effect != SYSCALLS_NOTHING);
            }
    assert_true(stopped > 100);
}

static void test_decode(void **state)
{
    (void)state;
    uint64_t args[6] = {1, 8192, 3, 0x22, 0xffffffff, 2};
    struct syscalls_call c = syscalls_decode(AUDIT_ARCH_I386, 192, args);
    assert_int_equal(c.call, PMT_CALL_MMAP2);
    assert_int_equal(c.args[5], 8192); /* in bytes */
    uint64_t ipc[6] = {SHMAT, 7, 5, 0x1000, 0x2000, 0};
    c = syscalls_decode(AUDIT_ARCH_I386, 117, ipc);
    assert_int_equal(c.call, PMT_CALL_SHMAT);
    assert_int_equal(c.args[0], 7);
    assert_int_equal(c.args[1], 0x2000);
    assert_int_equal(c.args[2], 5);
    assert_int_equal(c.result_at, 0x1000);
    ipc[0] = SHMDT;
    c = syscalls_decode(AUDIT_ARCH_I386, 117, ipc);
    assert_int_equal(c.call, PMT_CALL_SHMDT);
    assert_int_equal(c.args[0], 0x2000);
    c = syscalls_decode(AUDIT_ARCH_I386, 90, args);
    assert_int_equal(c.arguments_at, 1);
    syscalls_old_mmap(&c, (const uint32_t[]){0, 4096, 3, MAP_POPULATE, 5, 6});
    assert_int_equal(c.args[1], 4096);
    assert_true(c.may_block);
    c = syscalls_decode(AUDIT_ARCH_X86_64, 520 | X32, args);
    assert_int_equal(c.effect, SYSCALLS_EXEC);
    c = syscalls_decode(AUDIT_ARCH_X86_64, 322, args);
    assert_int_equal(c.args[0], 8192); /* execveat: the path comes second */
}

static unsigned ranges(enum syscalls_effect effect, uint64_t a0, uint64_t a1, uint64_t a2,
                       uint64_t result, uint64_t old, struct syscalls_range out[2])
{
    struct syscalls_call c = {.call = PMT_CALL_MMAP, .effect = effect, .args = {a0, a1, a2}};
    struct syscalls_outcome o = {
        .result = result, .old_brk = old, .region_end = old, .page_size = 4096};
    return syscalls_ranges(&c, &o, out);
}

static void assert_range(const struct syscalls_range *r, uint64_t lo, uint64_t hi)
{
    assert_int_equal(r->lo, lo);
    assert_int_equal(r->hi, hi);
}

static void test_ranges(void **state)
{
    struct syscalls_range r[2];
    (void)state;
    assert_int_equal(ranges(SYSCALLS_RESULT, 0, 5000, 0, 0x10000, 0, r), 1);
    assert_range(r, 0x10000, 0x12000);
    assert_int_equal(ranges(SYSCALLS_ARGS, 0x3000, 0x1000, 0, 0, 0, r), 1);
    assert_range(r, 0x3000, 0x4000);
    assert_int_equal(ranges(SYSCALLS_ARGS, 0x3000, 0, 0, 0, 0, r), 0);
    assert_int_equal(ranges(SYSCALLS_BRK, 0, 0, 0, 0x5800, 0x5100, r), 0); /* the same page */
    assert_int_equal(ranges(SYSCALLS_BRK, 0, 0, 0, 0x7000, 0x5100, r), 1);
    assert_range(r, 0x5000, 0x7000);
    assert_int_equal(ranges(SYSCALLS_BRK, 0, 0, 0, 0x5000, 0x7000, r), 1);
    assert_range(r, 0x5000, 0x7000);
    assert_int_equal(ranges(SYSCALLS_BOTH, 0x90000, 0x1000, 0x3000, 0x10000, 0, r), 2);
    assert_range(&r[0], 0x10000, 0x13000);
    assert_range(&r[1], 0x90000, 0x91000);
    assert_int_equal(ranges(SYSCALLS_BOTH, 0x10000, 0x1000, 0x3000, 0x10000, 0, r), 1);
    assert_range(r, 0x10000, 0x13000);
    assert_int_equal(ranges(SYSCALLS_ATTACH, 0, 0, 0, 0x8000, 0xa000, r), 1);
    assert_range(r, 0x8000, 0xa000);
    assert_int_equal(ranges(SYSCALLS_ANYWHERE, 0, 0, 0, 0, 0, r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filter_agrees_with_decode),
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
