/* The lock between threads, with other threads that this test plays where it waits. */
#include "shim/base/lock.h"
#include "shim/base/state.h"
#include "shim/base/sys.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define OWN 11u
#define OTHER 12u

__thread struct state_thread thread;
static uint32_t losses[PMT_LOSS_COUNT];
static struct live_page state_of_process = {.lost = losses};
struct live_page *live = &state_of_process;
struct state_process process;
static struct lock lock;
static unsigned waits, waited_ms, faster_ones, woken;

uint32_t state_ask_tid(void)
{
    return OWN;
}

static unsigned lost(void)
{
    unsigned sum = 0;
    for (unsigned reason = 0; reason < PMT_LOSS_COUNT; reason++)
        sum += losses[reason];
    assert_int_equal(sum, losses[PMT_LOSS_LOCK]);
    return sum;
}

/* The holder gives the lock back; as long as there are others these take it at once. */
void sys_futex_wait(uint32_t *word, uint32_t value, unsigned milliseconds)
{
    assert_ptr_equal(word, &lock.owner);
    assert_int_equal(value, OTHER);
    waits++;
    waited_ms += milliseconds;
    if (!faster_ones)
        return;
    lock.owner = --faster_ones ? OTHER : 0;
    lock.turns++;
}

void sys_futex_wake(uint32_t *word, unsigned most)
{
    assert_ptr_equal(word, &lock.owner);
    woken += most;
}

static int reset(void **state)
{
    (void)state;
    thread.tid = OWN;
    lock = (struct lock){0};
    waits = waited_ms = faster_ones = woken = losses[PMT_LOSS_LOCK] = 0;
    return 0;
}

static void test_nobody_else(void **state)
{
    (void)state;
    assert_true(lock_take(&lock));
    assert_int_equal(lock.owner, OWN);
    assert_false(lock_take(&lock));
    lock_release(&lock);
    assert_int_equal(lock.owner, 0);
    assert_int_equal(waits + lost(), 0);
}

/* All would but see that one of them was faster, and there may be thousands. */
static void test_one_is_woken(void **state)
{
    (void)state;
    assert_true(lock_take(&lock));
    lock_release(&lock);
    assert_int_equal(woken, 0);
    assert_true(lock_take(&lock));
    lock.waiters = 1000;
    lock_release(&lock);
    assert_int_equal(woken, 1);
}

/* However many are faster: who has the lock gives it back, it must not be taken away. */
static void test_busy(void **state)
{
    (void)state;
    lock.owner = OTHER;
    faster_ones = 10000;
    assert_true(lock_take(&lock));
    assert_int_equal(waits, 10000);
    assert_int_equal(lost(), 0);
}

static void test_holder_vanished(void **state)
{
    (void)state;
    lock.owner = OTHER;
    assert_true(lock_take(&lock));
    assert_int_equal(lock.owner, OWN);
    assert_true(waits >= 50);
    assert_int_equal(waited_ms, 2000);
    assert_int_equal(lost(), 1);
    lock_release(&lock);
    assert_int_equal(lock.owner, 0);
}

/* It is not this thread's any more when it comes back. */
static void test_taken_over(void **state)
{
    (void)state;
    assert_true(lock_take(&lock));
    lock.owner = OTHER;
    lock_release(&lock);
    assert_int_equal(lock.owner, OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nobody_else, reset),
        cmocka_unit_test_setup(test_one_is_woken, reset),
        cmocka_unit_test_setup(test_busy, reset),
        cmocka_unit_test_setup(test_holder_vanished, reset),
        cmocka_unit_test_setup(test_taken_over, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
