/* runner/symbols/demangle.c: names of C++ for people, whatever a file claims to be one. */
#include "runner/symbols/demangle.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs the four above it */

static struct demangled done;

static int release(void **state)
{
    (void)state;
    demangled_free(&done);
    return 0;
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(demangle(&done, "_Z1fv"), "f()");
    assert_string_equal(demangle(&done, "_ZN3lab5StackIlE4pushEl"), "lab::Stack<long>::push(long)");
    assert_string_equal(demangle(&done, "_ZZ4mainENKUliE_clEi"),
                        "main::{lambda(int)#1}::operator()(int) const");
    assert_string_equal(demangle(&done, "_ZL4fillPi.part.0"), "fill(int*) [clone .part.0]");
}

static void test_others(void **state)
{
    (void)state;
    static const char *const names[] = {"main",       "",   "_",          "_Z",      "_ZN",
                                        "_Zwhatever", "_Y", "_GLOBAL__I", "foo(int)"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_ptr_equal(demangle(&done, names[i]), names[i]);
}

static void test_once(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    static char names[MANY][24];
    static const char *first[MANY];
    for (int i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "_Z5f%04dv", i);
        first[i] = demangle(&done, names[i]);
    }
    for (int i = 0; i < MANY; i++) {
        char expected[24];
        snprintf(expected, sizeof expected, "f%04d()", i);
        assert_string_equal(first[i], expected);
        assert_ptr_equal(demangle(&done, names[i]), first[i]);
    }
}

static const char *base36(int number, char out[8])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if (number < 36)
        snprintf(out, 8, "%c", digits[number]);
    else
        snprintf(out, 8, "%c%c", digits[number / 36], digits[number % 36]);
    return out;
}

/* Each type has the one before twice as its arguments: a gigabyte after some thirty of them. */
static void test_bomb(void **state)
{
    (void)state;
    static char name[4096], harmless[256];
    char digits[8];
    size_t used = (size_t)sprintf(name, "_Z1f1AIiiE");
    for (int i = 0; i < 60; i++) {
        base36(i, digits);
        used += (size_t)sprintf(name + used, "S_IS%s_S%s_E", digits, digits);
        if (i == 2)
            strcpy(harmless, name);
    }
    assert_memory_equal(demangle(&done, harmless), "f(A<int, int>, A<A<int, int>", 28);
    assert_ptr_equal(demangle(&done, name), name);
}

static void test_deep(void **state)
{
    (void)state;
    static char name[200000];
    memset(name, 'P', sizeof name - 1);
    memcpy(name, "_Z1f", 4);
    assert_ptr_equal(demangle(&done, name), name);
}

static void test_garbage(void **state)
{
    (void)state;
    static const char letters[] = "_ZNSILEPKRTDJXFOvislm0123456789Cabt.";
    static char names[20000][48];
    srandom(3);
    for (size_t i = 0; i < 20000; i++) {
        size_t length = 2 + (size_t)random() % 40;
        memcpy(names[i], "_Z", 2);
        for (size_t k = 2; k < length; k++)
            names[i][k] = letters[(size_t)random() % (sizeof letters - 1)];
        char out[32];
        demangle_short(demangle(&done, names[i]), out, sizeof out);
        assert_true(strlen(out) < sizeof out);
    }
}

static void test_short(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"main", "main"},
        {"", ""},
        {"foo.part.0", "foo.part.0"},
        {"f(int)", "f"},
        {"void f<int>(int)", "f<int>"},
        {"lab::Stack<long>::push(long)", "lab::Stack<long>::push"},
        {"std::vector<int, std::allocator<int> >::push_back(int&&)", "std::vector<...>::push_back"},
        {"std::vector<int> lab::make<int>(unsigned long, int)", "lab::make<int>"},
        {"main::{lambda(int)#1}::operator()(int) const", "main::{lambda(int)#1}::operator()"},
        {"f(int)::Local::run() const", "f::Local::run"},
        {"(anonymous namespace)::hidden(int)", "(anonymous namespace)::hidden"},
        {"lab::(anonymous namespace)::deep()", "lab::(anonymous namespace)::deep"},
        {"operator new(unsigned long)", "operator new"},
        {"operator new[](unsigned long, std::nothrow_t const&)", "operator new[]"},
        {"A::operator<(A const&) const", "A::operator<"},
        {"A::operator->() const", "A::operator->"},
        {"A::operator<< <int>(int)", "A::operator<<<int>"},
        {"A::operator()(int)", "A::operator()"},
        {"A::operator int() const", "A::operator int"},
        {"my_operator(int)", "my_operator"},
        {"fill(int*) [clone .part.0]", "fill"},
        {"f[abi:cxx11](int)", "f[abi:cxx11]"},
        {"void (*pick(int))(char)", "void (*pick(int))(char)"},
        {"broken<(", "broken<("},
        {"broken)", "broken)"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char out[80];
        demangle_short(names[i][0], out, sizeof out);
        assert_string_equal(out, names[i][1]);
    }
    char small[4];
    demangle_short("lab::push(int)", small, sizeof small);
    assert_string_equal(small, "lab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_others),
                                       cmocka_unit_test(test_once),  cmocka_unit_test(test_bomb),
                                       cmocka_unit_test(test_deep),  cmocka_unit_test(test_garbage),
                                       cmocka_unit_test(test_short)};
    return cmocka_run_group_tests(tests, NULL, release);
}
