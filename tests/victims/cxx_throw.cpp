/*
 * cxx_throw: C++ exceptions thrown through frames that allocate, in main and in a thread, and
 * rethrown.
 *
 * An unwinder that the tracer brings into the process must not get in the way of the one that
 * throws (its _Unwind_* symbols must not come first). Every line must be as in an untraced run,
 * with "leaked 0" at the end.
 *
 * It includes no header of the C++ library, so the library itself is enough to build it, also
 * where there is no 32-bit g++: gcc -m32 -nostdinc++ cxx_throw.cpp -l:libstdc++.so.6 -pthread
 */
#include <pthread.h>

#include "victim.h"

namespace
{

long live;

struct Block {
    explicit Block(size_t size) : bytes(static_cast<char *>(malloc(size)))
    {
        bytes[0] = 1;
        __atomic_add_fetch(&live, 1, __ATOMIC_RELAXED);
    }
    ~Block()
    {
        free(bytes);
        __atomic_sub_fetch(&live, 1, __ATOMIC_RELAXED);
    }
    Block(const Block &) = delete;
    Block &operator=(const Block &) = delete;
    char *bytes;
};

struct Problem {
    explicit Problem(int value) : code(value), note(new char[100])
    {
    }
    Problem(const Problem &other) : code(other.code), note(new char[100])
    {
    }
    virtual ~Problem()
    {
        delete[] note;
    }
    Problem &operator=(const Problem &) = delete;
    int code;
    char *note;
};

struct WorseProblem : Problem {
    explicit WorseProblem(int value) : Problem(value)
    {
    }
};

void deep(int depth, int code)
{
    Block small(100), big(depth == 5 ? 200000 : 300);

    if (depth == 0)
        throw WorseProblem(code);
    deep(depth - 1, code);
}

void rethrow(int code)
{
    Block block(1000);

    try {
        deep(10, code);
    } catch (const Problem &) {
        Block in_handler(150000);
        throw;
    }
}

int catch_one(int code)
{
    try {
        rethrow(code);
    } catch (const WorseProblem &problem) {
        return problem.code;
    }
    return -1;
}

void *in_thread(void *)
{
    int sum = 0;

    for (int i = 1; i <= 100; i++)
        sum += catch_one(i);
    say("@ thread-sum %d\n", sum);
    return nullptr;
}

void impossible_new()
{
    volatile size_t size = static_cast<size_t>(-1) / 2 + 1;

    try {
        void *volatile block = ::operator new(size);
        ::operator delete(block);
        say("@ new no-exception\n");
    } catch (...) {
        say("@ new exception\n");
    }
}

} // namespace

int main()
{
    pthread_t thread;

    say("@ caught %d\n", catch_one(7));
    for (int i = 0; i < 100; i++)
        catch_one(i);
    if (pthread_create(&thread, nullptr, in_thread, nullptr) != 0)
        give_up("pthread_create");
    pthread_join(thread, nullptr);
    impossible_new();
    try {
        throw 42;
    } catch (int number) {
        say("@ caught %d\n", number);
    }
    say("@ leaked %ld\n", live);
    say("@ end\n");
    return 0;
}
