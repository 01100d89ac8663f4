/* runner/ring/unheard.c: a child is waited for as long as it has its parent's ring, or until it has
 * ended if it was announced; not longer, and whatever the time. */
#include "runner/base/memory.h"
#include "runner/ring/ring.h"
#include "runner/ring/unheard.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h> /* needs the four above it */

static int pipes[2]; /* a child goes on when it can read, or when nobody can write */

static pid_t child_that_waits(void)
{
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        close(pipes[1]);
        _exit(read(pipes[0], &byte, 1) < 0);
    }
    assert_true(child > 0);
    close(pipes[0]);
    return child;
}

static void let_end(pid_t child)
{
    close(pipes[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

/* A ring that a program had, which has ended: its memfd. `inherit`: a child that is forked has
 * it. */
static int ring_of_ended(bool inherit, pid_t *child)
{
    struct ring ring;
    assert_int_equal(ring_create(&ring, ring_memory(), PMT_CLOCK_MONOTONIC, 0), 0);
    if (inherit) {
        /* the program's children inherit its ring, the runner's do not */
        madvise(ring.shared, PMT_RING_HEADER_SIZE + 2ul * PMT_RING_CAPACITY, MADV_DOFORK);
        *child = child_that_waits();
    }
    int fd = dup(ring.fd);
    ring_destroy(&ring);
    return fd;
}

static void test_nobody(void **state)
{
    (void)state;
    struct unheard u = {0};
    assert_false(unheard_any(&u));
    unheard_add_ring(&u, ring_of_ended(false, NULL));
    assert_false(unheard_any(&u));
    assert_int_equal(u.count, 0);
    unheard_free(&u);
}

static void test_child_with_its_parents_ring(void **state)
{
    (void)state;
    struct unheard u = {0};
    pid_t child;
    unheard_add_ring(&u, ring_of_ended(true, &child));
    unheard_add_ring(&u, ring_of_ended(false, NULL));
    assert_true(unheard_any(&u));
    assert_int_equal(u.count, 1);
    unheard_remove_process(&u, child); /* it has asked, but has the other one still */
    assert_true(unheard_any(&u));
    let_end(child);
    assert_false(unheard_any(&u));
    unheard_free(&u);
}

static void test_announced_child(void **state)
{
    (void)state;
    struct unheard u = {0};
    pid_t child = child_that_waits();
    unheard_add_process(&u, child);
    assert_true(unheard_any(&u));
    unheard_remove_process(&u, getpid());
    assert_true(unheard_any(&u));
    unheard_remove_process(&u, child);
    assert_false(unheard_any(&u));
    unheard_add_process(&u, child);
    assert_true(unheard_any(&u));
    let_end(child);
    assert_false(unheard_any(&u));
    unheard_add_process(&u, child); /* there is none any more */
    unheard_add_process(&u, 0);     /* of a namespace that we do not see */
    assert_false(unheard_any(&u));
    unheard_free(&u);
}

static void test_many(void **state)
{
    (void)state;
    struct unheard u = {0};
    pid_t children[40];
    int ends[40];
    for (int i = 0; i < 40; i++) {
        unheard_add_process(&u, children[i] = child_that_waits());
        ends[i] = pipes[1];
    }
    assert_int_equal(u.count, 40);
    for (int i = 0; i < 40; i++) { /* the later ones have the ends of the earlier ones, too */
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
        close(ends[i]);
        assert_int_equal(unheard_any(&u), i < 39);
    }
    unheard_free(&u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_child_with_its_parents_ring),
        cmocka_unit_test(test_announced_child),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
