#include "shim/base/sys.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

void *sys_mmap(void *addr, unsigned long length, int prot, int flags, int fd, uint64_t offset)
{
#ifdef __i386__
    unsigned long nr = __NR_mmap2, at = (unsigned long)(offset >> 12);
#else
    unsigned long nr = __NR_mmap, at = offset;
#endif
    long result = sys_call((long)nr, (unsigned long)addr, length, prot, flags, fd, at);
    /* the error range of every system call: linux/err.h, MAX_ERRNO */
    return (unsigned long)result >= (unsigned long)-4095L ? NULL : (void *)result;
}

int sys_open(const char *path, int flags, int mode)
{
    return (int)sys4(__NR_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode);
}

void sys_close(int fd)
{
    sys1(__NR_close, fd);
}

void sys_block_signals(uint64_t *saved)
{
    static const uint64_t all = ~0ull;
    sys4(__NR_rt_sigprocmask, SIG_SETMASK, &all, saved, sizeof all);
}

void sys_restore_signals(const uint64_t *saved)
{
    sys4(__NR_rt_sigprocmask, SIG_SETMASK, saved, NULL, sizeof *saved);
}

/* The kernel is made to read it as the argument of a call that fails: rt_sigprocmask(2) reads the
 * set first. */
bool sys_can_read(const void *address)
{
    const int no_such_way = -1;
    uintptr_t set = (uintptr_t)address & ~(uintptr_t)7; /* 0: it is not read */
    return set && sys4(__NR_rt_sigprocmask, no_such_way, set, NULL, 8) != -EFAULT;
}

void sys_futex_wait(uint32_t *word, uint32_t value, unsigned milliseconds)
{
    struct {
        long sec, nsec; /* the old timespec of the futex system call */
    } timeout = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
    sys4(__NR_futex, word, FUTEX_WAIT, value, &timeout);
}

void sys_futex_wake(uint32_t *word, unsigned most)
{
    sys3(__NR_futex, word, FUTEX_WAKE, most);
}

uint64_t sys_clock(int clock)
{
#ifdef __i386__
    struct {
        int64_t sec, nsec;
    } now = {0, 0};
    if (sys2(__NR_clock_gettime64, clock, &now) == 0)
        return (uint64_t)now.sec * 1000000000u + (uint64_t)now.nsec;
#endif
    struct {
        long sec, nsec;
    } old = {0, 0};
    sys2(__NR_clock_gettime, clock, &old);
    return (uint64_t)old.sec * 1000000000u + (uint64_t)old.nsec;
}

struct limit64 { /* struct rlimit64 of prlimit(2) */
    uint64_t current, most;
};

static struct limit64 limit(int resource, const struct limit64 *wanted)
{
    struct limit64 old = {~0ull, ~0ull};
    sys4(__NR_prlimit64, 0, resource, wanted, &old);
    return old;
}

uint64_t sys_memory_limit(void)
{
    uint64_t all = limit(RLIMIT_AS, NULL).current, data = limit(RLIMIT_DATA, NULL).current;
    return all < data ? all : data;
}

uint64_t sys_file_limit(void)
{
    return limit(RLIMIT_FSIZE, NULL).current;
}

void sys_raise_file_limit(void)
{
    uint64_t most = limit(RLIMIT_FSIZE, NULL).most;
    limit(RLIMIT_FSIZE, &(struct limit64){most, most});
}

void sys_restore_file_limit(uint64_t current)
{
    limit(RLIMIT_FSIZE, &(struct limit64){current, limit(RLIMIT_FSIZE, NULL).most});
}
