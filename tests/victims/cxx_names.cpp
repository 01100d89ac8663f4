/*
 * cxx_names: allocations in all that C++ has names for. Compiled with -O2.
 *
 * "@ name SIZE LINE NAME": malloc(SIZE), or what calls it for SIZE bytes, is in that line, of the
 * function of that name.
 */
#include <vector>

#include "victim.h"

#define OUT_OF_LINE __attribute__((noinline))

static void *volatile sink;

namespace lab
{

template <typename T> struct Stack {
    T *items = nullptr;
    OUT_OF_LINE void push(T item, size_t size);
    OUT_OF_LINE void operator<<(const Stack &other);
    OUT_OF_LINE explicit Stack(size_t size)
    {
        say("@ name %zu %d lab::Stack<long>::Stack\n", size, __LINE__ + 1);
        items = static_cast<T *>(malloc(size));
        items[0] = 1;
    }
};

template <typename T> void Stack<T>::push(T item, size_t size)
{
    say("@ name %zu %d lab::Stack<long>::push\n", size, __LINE__ + 1);
    items = static_cast<T *>(malloc(size));
    items[0] = item;
}

template <typename T> void Stack<T>::operator<<(const Stack &other)
{
    say("@ name 170000 %d lab::Stack<long>::operator<<\n", __LINE__ + 1);
    items = static_cast<T *>(malloc(170000));
    items[0] = other.items[0];
}

namespace
{
OUT_OF_LINE void hidden(int)
{
    say("@ name 180000 %d lab::(anonymous namespace)::hidden\n", __LINE__ + 1);
    sink = malloc(180000);
    sink = nullptr;
}
} // namespace

} // namespace lab

template <typename F> OUT_OF_LINE static void run(F f)
{
    f(190000);
    sink = nullptr;
}

OUT_OF_LINE static void lambda()
{
    run([](size_t size) OUT_OF_LINE {
        say("@ name %zu %d lambda::{lambda(unsigned\n", size, __LINE__ + 1);
        sink = malloc(size);
        sink = nullptr;
    });
}

/* The allocation itself is in a template of the C++ library, which nobody here wrote. */
OUT_OF_LINE static void vector()
{
    say("@ name 200000 %d vector\n", __LINE__ + 1);
    std::vector<char> bytes(200000);
    sink = bytes.data();
}

int main()
{
    lab::Stack<long> one(150000), two(155000);
    one.push(1, 160000);
    one << two;
    lab::hidden(1);
    lambda();
    vector();
    say("@ end\n");
    return 0;
}
