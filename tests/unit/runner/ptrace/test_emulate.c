/* runner/ptrace/emulate.c: what is emulated does what the processor does. */
#include "runner/ptrace/emulate.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the four above it */

static uint8_t memory_byte;
static uint64_t memory_asked;

static bool byte_at(void *arg, uint64_t address, uint8_t *out)
{
    (void)arg;
    memory_asked = address;
    *out = memory_byte;
    return true;
}

static bool emulate(struct user_regs_struct *r, const char *bytes, bool is64, uint64_t *value,
                    unsigned *store)
{
    uint8_t code[16] = {0};
    memcpy(code, bytes, strlen(bytes));
    return emulate_instruction(r, code, is64, byte_at, NULL, value, store);
}

static void test_push(void **state)
{
    struct user_regs_struct r = {.rip = 0x1000, .rsp = 0x8000, .rbp = 7, .r12 = 9};
    uint64_t value;
    unsigned store;
    (void)state;
    assert_true(emulate(&r, "\x55", true, &value, &store)); /* push %rbp */
    assert_int_equal(r.rip, 0x1001);
    assert_int_equal(r.rsp, 0x7ff8);
    assert_int_equal(value, 7);
    assert_int_equal(store, 8);
    assert_true(emulate(&r, "\x41\x54", true, &value, &store)); /* push %r12 */
    assert_int_equal(r.rip, 0x1003);
    assert_int_equal(value, 9);
    assert_true(emulate(&r, "\x55", false, &value, &store)); /* push %ebp */
    assert_int_equal(store, 4);
    assert_int_equal(r.rsp, 0x7fec);
    assert_false(emulate(&r, "\x41\x54", false, &value, &store)); /* inc %ecx */
    assert_int_equal(r.rip, 0x1004);
}

static void test_other_instructions(void **state)
{
    struct user_regs_struct r = {.rip = 0x1000, .rdi = 5};
    uint64_t value;
    unsigned store;
    (void)state;
    assert_true(emulate(&r, "\xf3\x0f\x1e\xfa", true, &value, &store)); /* endbr64 */
    assert_int_equal(r.rip, 0x1004);
    assert_int_equal(store, 0);
    assert_true(emulate(&r, "\x48\x89\xf8", true, &value, &store)); /* mov %rdi,%rax */
    assert_int_equal(r.rax, 5);
    assert_int_equal(r.rip, 0x1007);
    assert_false(emulate(&r, "\xe8\x01\x02\x03\x04", true, &value, &store)); /* call */
    assert_int_equal(r.rip, 0x1007);
}

#define FLAGS 0x8d5u /* that arithmetic sets */

static uint64_t flags_of_test(uint64_t a)
{
    uint64_t flags;
    __asm__("test %1, %1; pushfq; pop %0" : "=r"(flags) : "r"(a) : "cc", "memory");
    return flags;
}

static uint64_t flags_of_cmp(uint8_t a, uint8_t b)
{
    uint64_t flags;
    __asm__("cmpb %2, %1; pushfq; pop %0" : "=r"(flags) : "q"(a), "q"(b) : "cc", "memory");
    return flags;
}

static void test_flags_are_the_processors(void **state)
{
    static const uint64_t values[] = {0, 1, 0x7f, 0x80, 0xff, 1ull << 63, ~0ull};
    uint64_t value;
    unsigned store;
    (void)state;
    for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
        struct user_regs_struct r = {.rdi = values[i], .eflags = 0xffffffff};
        assert_true(emulate(&r, "\x48\x85\xff", true, &value, &store)); /* test %rdi,%rdi */
        const uint64_t defined = FLAGS & ~0x10u;                        /* AF is not */
        assert_int_equal(r.eflags & defined, flags_of_test(values[i]) & defined);
        assert_int_equal(r.eflags & ~(uint64_t)FLAGS, 0xffffffff & ~(uint64_t)FLAGS);
    }
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 1; b < 256; b++) {
            struct user_regs_struct r = {.rip = 0x1000};
            uint8_t code[16] = {0x80, 0x3d, 0x10, 0, 0, 0, (uint8_t)b}; /* cmpb $b,0x10(%rip) */
            memory_byte = (uint8_t)a;
            assert_true(emulate_instruction(&r, code, true, byte_at, NULL, &value, &store));
            assert_int_equal(memory_asked, 0x1017);
            assert_int_equal(r.eflags & FLAGS, flags_of_cmp((uint8_t)a, (uint8_t)b) & FLAGS);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_push),
        cmocka_unit_test(test_other_instructions),
        cmocka_unit_test(test_flags_are_the_processors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
