/* Unwind tables of libc, and damaged copies of them: AddressSanitizer watches what is read. */
#include "shim/base/sys.h"
#include "shim/stacks/cfi.h"
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define WORD ((intptr_t)sizeof(long))

/* shim/base/sys_*.S */
long sys_call_regs(const struct sys_regs *r)
{
    long result = syscall((long)r->nr, r->args[0], r->args[1], r->args[2], r->args[3]);
    return result < 0 ? -errno : result;
}

/* A copy of what is mapped of libc, in a block of just that size. */
struct copy {
    uint8_t *bytes;
    size_t size, header, tables; /* `tables`: where .eh_frame begins */
    struct cfi_object object;
};

struct pair {
    int32_t place, entry;
};

static int copy_libc(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct copy *c = arg;
    (void)size;
    if (!strstr(info->dlpi_name, "libc.so"))
        return 0;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type == PT_LOAD && p->p_vaddr + p->p_memsz > c->size)
            c->size = p->p_vaddr + p->p_memsz;
        if (p->p_type == PT_GNU_EH_FRAME)
            c->header = p->p_vaddr;
    }
    c->bytes = calloc(1, c->size);
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        const uint8_t *from = (const uint8_t *)info->dlpi_addr + p->p_vaddr;
        for (size_t k = 0; p->p_type == PT_LOAD && k < p->p_memsz; k++) /* past red zones */
            c->bytes[p->p_vaddr + k] = ((const volatile uint8_t *)from)[k];
    }
    return 1;
}

static const struct pair *pairs(const struct copy *c, uint32_t *count)
{
    memcpy(count, c->bytes + c->header + 8, sizeof *count);
    return (const struct pair *)(c->bytes + c->header + 12);
}

static int set_up(void **state)
{
    static struct copy c;
    if (!dl_iterate_phdr(copy_libc, &c))
        return -1;
    uintptr_t low = (uintptr_t)c.bytes;
    int32_t distance;
    memcpy(&distance, c.bytes + c.header + 4, sizeof distance);
    c.tables = c.header + 4 + (size_t)(intptr_t)distance;
    c.object = (struct cfi_object){c.bytes + c.header, low, low + c.size};
    *state = &c;
    return 0;
}

static int tear_down(void **state)
{
    free(((struct copy *)*state)->bytes);
    return 0;
}

/* The ABI: where a function begins, the return address is on the top of the stack. */
static void test_where_functions_begin(void **state)
{
    const struct copy *c = *state;
    uint32_t count, as_called = 0;
    const struct pair *p = pairs(c, &count);
    assert_true(count > 1000);
    for (uint32_t i = 0; i < count; i++) {
        struct cfi_rule rule = {.signal = false};
        uintptr_t address = (uintptr_t)c->object.header + (uintptr_t)(intptr_t)p[i].place;
        enum cfi_result result = cfi_read(&c->object, address, &rule);
        assert_true(result == CFI_RULE || result == CFI_END);
        if (result != CFI_RULE || rule.signal || rule.cfa.offset != WORD)
            continue;
        assert_true(rule.cfa.base == CFI_SP && !rule.cfa.loads);
        assert_true(rule.pc.base == CFI_CFA && rule.pc.loads && rule.pc.offset == -WORD);
        assert_true(rule.fp.base == CFI_FP && !rule.fp.loads && rule.fp.offset == 0);
        as_called++;
    }
    assert_true(as_called > count - count / 10); /* the rest are parts of functions, PLTs, _start */
}

/* All code has a rule that is known, but for a few lines in which setcontext and the like count
 * from registers that they fill. */
static void test_all_code(void **state)
{
    const struct copy *c = *state;
    uint32_t count, rules = 0, others = 0, broken = 0;
    const struct pair *p = pairs(c, &count);
    for (intptr_t at = p[0].place; at < p[count - 1].place; at += 7) {
        struct cfi_rule rule;
        enum cfi_result result =
            cfi_read(&c->object, (uintptr_t)c->object.header + (uintptr_t)at, &rule);
        others += result == CFI_OTHER;
        broken += result == CFI_BROKEN;
        rules += result == CFI_RULE;
    }
    assert_true(rules > 10000 && others < rules / 1000 && broken == 0);
}

static void test_outside(void **state)
{
    const struct copy *c = *state;
    struct cfi_object none = {NULL, c->object.low, c->object.high};
    struct cfi_object elsewhere = {(const uint8_t *)c->object.high - 4, c->object.low,
                                   c->object.high};
    struct cfi_rule rule;
    assert_int_equal(cfi_read(&c->object, c->object.low, &rule), CFI_NONE);
    assert_int_equal(cfi_read(&none, c->object.low, &rule), CFI_NONE);
    assert_int_equal(cfi_read(&elsewhere, c->object.low, &rule), CFI_BROKEN);
}

static void ask_everywhere(const struct copy *c, uint32_t count)
{
    const struct pair *p = (const struct pair *)(c->bytes + c->header + 12);
    for (unsigned i = 0; i < 40; i++) {
        struct cfi_rule rule;
        uintptr_t place = (uintptr_t)(intptr_t)p[(uint32_t)random() % count].place;
        cfi_read(&c->object, (uintptr_t)c->object.header + place + (uintptr_t)random() % 200,
                 &rule);
    }
}

static void test_damaged(void **state)
{
    struct copy *c = *state;
    uint32_t count;
    pairs(c, &count);
    srandom(1);
    for (unsigned round = 0; round < 2000; round++) {
        struct {
            size_t at;
            uint8_t was;
        } damage[400];
        size_t room = (round & 1) && c->header < c->tables ? c->tables - c->header : 4096;
        for (unsigned i = 0; i < 400; i++) {
            size_t from = round & 1 ? c->header : c->tables + (size_t)random() % 16 * 4096;
            damage[i].at = from + (size_t)random() % room;
            damage[i].was = c->bytes[damage[i].at];
            c->bytes[damage[i].at] = (uint8_t)random();
        }
        ask_everywhere(c, count);
        for (unsigned i = 400; i-- > 0;)
            c->bytes[damage[i].at] = damage[i].was;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_functions_begin),
        cmocka_unit_test(test_all_code),
        cmocka_unit_test(test_outside),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
