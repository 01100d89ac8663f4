/* The table of stacks, with hashes as a hash function gives them at worst. */
#include "shim/base/area.h"
#include "shim/base/state.h"
#include "shim/base/sys.h"
#include "shim/ring/emit.h"
#include "shim/stacks/interned.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

__thread struct state_thread thread;
static uint32_t losses[PMT_LOSS_COUNT];
static struct live_page state_of_process = {.lost = losses, .sink = SINK_OUTPUT};
struct live_page *live = &state_of_process;
struct state_process process;

/* Of state.c and others that are not used here. */
long sys_call_regs(const struct sys_regs *r)
{
    (void)r;
    fail();
    return 0;
}

uint32_t state_ask_tid(void)
{
    return 1;
}

void *area_get(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

size_t area_left(void)
{
    return SIZE_MAX;
}

/* No record is looked at here. */
struct emit emit_begin_slow(uint32_t size, uint32_t position, bool reserved)
{
    (void)size;
    (void)position;
    (void)reserved;
    return (struct emit){0};
}

void emit_end_output(struct emit *emit)
{
    (void)emit;
}

static struct unwind_stack stack(uintptr_t number, uint32_t hash)
{
    return (struct unwind_stack){.pc = {number, 1}, .count = 2, .hash = hash};
}

/* More than are looked through, all for one place of the first table; a larger one tells them
 * apart, if not at once. */
static void test_hashes_that_lie_together(void **unused)
{
    (void)unused;
    const uint32_t count = 300;
    assert_true(interned_init());
    uint32_t ids[300];
    for (uint32_t i = 0; i < count; i++) {
        struct unwind_stack s = stack(i + 1, (i << 13) | 1);
        ids[i] = interned_id(&s);
        assert_int_not_equal(ids[i], 0);
        for (uint32_t before = 0; before < i; before++)
            assert_int_not_equal(ids[i], ids[before]);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct unwind_stack s = stack(i + 1, (i << 13) | 1);
        assert_int_equal(interned_find(&s), ids[i]);
        assert_int_equal(interned_id(&s), ids[i]);
    }
    assert_int_equal(losses[PMT_LOSS_STACK_TABLE_FULL], 0);
}

/* Equal hashes no table tells apart: the last are without an id, and that is counted. */
static void test_equal_hashes(void **unused)
{
    (void)unused;
    const uint32_t hash = 0xf0000001;
    uint32_t without = 0;
    for (uint32_t i = 0; i < 100; i++) {
        struct unwind_stack s = stack(1000 + i, hash);
        without += !interned_id(&s);
    }
    assert_in_range(without, 1, 99);
    assert_int_equal(losses[PMT_LOSS_STACK_TABLE_FULL], without);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hashes_that_lie_together),
        cmocka_unit_test(test_equal_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
