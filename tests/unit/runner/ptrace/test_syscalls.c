/* runner/ptrace/syscalls.c: the filter, run here by a small interpreter, must stop exactly the
 * calls that are decoded as of interest. */
#include "runner/ptrace/syscalls.h"
#include <linux/audit.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

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
        case BPF_JMP | BPF_JSET | BPF_K:
            at += word & i->k ? i->jt : i->jf;
            break;
        case BPF_JMP | BPF_JA:
            at += i->k;
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
    static const uint64_t values[] = {0,
                                      4,
                                      SIGTRAP,
                                      9,
                                      10,
                                      14,
                                      17,
                                      18,
                                      0x53564d41,
                                      SHMAT,
                                      SHMDT,
                                      CLONE_UNTRACED,
                                      CLONE_UNTRACED | 17};
    unsigned stopped = 0;
    (void)state;
    for (unsigned a = 0; a < 3; a++)
        for (uint32_t nr = 0; nr < 1200; nr++)
            for (unsigned v = 0; v < sizeof values / sizeof *values; v++) {
                uint32_t whole = nr < 600 ? nr : (nr - 600) | X32;
                uint64_t args[6] = {values[v], 0, values[v], values[v], 0, 0};
                struct mapcalls_call call = syscalls_decode(archs[a], whole, args);
                bool is_ipc = archs[a] == AUDIT_ARCH_I386 && whole == 117;
                bool stops = is_stopped(archs[a], whole, args);
                stopped += stops;
                enum syscalls_clone clone = syscalls_clone(archs[a], whole);
                if (archs[a] == AUDIT_ARCH_AARCH64) /* nothing of it stops */
                    clone = SYSCALLS_NO_CLONE;
                bool hides = clone == SYSCALLS_CLONE3 ||
                             (clone == SYSCALLS_CLONE && (args[0] & CLONE_UNTRACED));
                enum syscalls_signals signals = syscalls_signals(archs[a], whole);
                if (archs[a] == AUDIT_ARCH_AARCH64)
                    signals = SYSCALLS_NO_SIGNALS;
                bool blocks =
                    signals == SYSCALLS_MASK || (signals == SYSCALLS_ACTION && args[0] == SIGTRAP);
                if (!is_ipc) /* all its kinds stop */
                    assert_int_equal(stops, call.effect != MAPCALLS_NOTHING || hides || blocks);
            }
    assert_true(stopped > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filter_agrees_with_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
