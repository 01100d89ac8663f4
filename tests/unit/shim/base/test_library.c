/* shim/base/library.c against dlsym(3), in this very process. */
#include "shim/base/library.h"
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The name that a library was looked for by. */
static const char *soname(const struct link_map *library)
{
    const char *slash = strrchr(library->l_name, '/');
    return slash ? slash + 1 : library->l_name;
}

static void test_the_list(void **state)
{
    (void)state;
    assert_string_equal(library_first()->l_name, "");
    assert_string_equal(soname(library_libc()), "libc.so.6");
    assert_memory_equal(soname(library_loader()), "ld-linux", 8);
    assert_ptr_equal(library_behind(), library_first()->l_next); /* here the shim is the program */
}

/* Functions and data, one that is chosen when it is looked for (memcpy), and some that there are
 * several versions of. */
static void test_definitions(void **state)
{
    static const char *const names[] = {"malloc",  "memcpy", "pthread_create", "posix_spawn",
                                        "popen",   "dlopen", "timer_settime",  "sched_setaffinity",
                                        "regexec", "_Fork",  "__environ",      "__curbrk"};
    (void)state;
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        void *expected = dlsym(libc, names[i]);
        assert_non_null(expected);
        assert_ptr_equal(library_find(library_libc(), names[i], NULL), expected);
    }
    assert_null(library_find(library_libc(), "no_such_function", NULL));
    assert_null(library_find(library_libc(), "errno", NULL));      /* one for each thread */
    assert_null(library_find(library_libc(), "_dl_mcount", NULL)); /* only used there */
    assert_ptr_equal(library_system("_dl_mcount"), dlsym(RTLD_DEFAULT, "_dl_mcount"));
    dlclose(libc);
}

static void test_sizes(void **state)
{
    Dl_info info;
    const ElfW(Sym) *symbol = NULL;
    size_t size = 0;
    void *code = library_find(library_libc(), "qsort", &size);
    (void)state;
    assert_int_not_equal(dladdr1(code, &info, (void **)&symbol, RTLD_DL_SYMENT), 0);
    assert_int_equal(size, symbol->st_size);
}

/* What is not in the first one is looked for in the next. */
static void test_search(void **state)
{
    const struct link_map *definer = NULL;
    (void)state;
    assert_ptr_equal(library_search(library_first(), "malloc", &definer),
                     dlsym(RTLD_DEFAULT, "malloc"));
    assert_ptr_not_equal(definer, library_libc()); /* it is AddressSanitizer's */
    assert_null(library_search(library_first(), "no_such_function", NULL));
    assert_ptr_equal(library_search(library_behind(), "qsort", &definer),
                     dlsym(RTLD_NEXT, "qsort"));
    assert_ptr_equal(library_search(library_behind(), "malloc", NULL), dlsym(RTLD_NEXT, "malloc"));
}

static int start(void **state)
{
    (void)state;
    library_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_list),
        cmocka_unit_test(test_definitions),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_search),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
