/* System calls of the shim itself: not through libc, so errno stays what the program had. They
 * return -errno. */
#pragma once

#include <asm/unistd.h>
#include <stdbool.h>
#include <stdint.h>

/* A system call as libc makes it; entry_*.S know the layout. */
struct sys_regs {
    unsigned long nr;
    unsigned long args[6];
};

long sys_call_regs(const struct sys_regs *regs);

#ifdef __i386__
/* How the kernel is entered: `int $0x80`, until entry_install() finds libc's way, which is
 * faster. */
extern void *sys_gate __attribute__((visibility("hidden")));
#endif

static inline long sys_call(long nr, unsigned long a, unsigned long b, unsigned long c,
                            unsigned long d, unsigned long e, unsigned long f)
{
    struct sys_regs regs = {(unsigned long)nr, {a, b, c, d, e, f}};
    return sys_call_regs(&regs);
}

#define sys0(nr) sys_call(nr, 0, 0, 0, 0, 0, 0)
#define sys1(nr, a) sys_call(nr, (unsigned long)(a), 0, 0, 0, 0, 0)
#define sys2(nr, a, b) sys_call(nr, (unsigned long)(a), (unsigned long)(b), 0, 0, 0, 0)
#define sys3(nr, a, b, c)                                                                          \
    sys_call(nr, (unsigned long)(a), (unsigned long)(b), (unsigned long)(c), 0, 0, 0)
#define sys4(nr, a, b, c, d)                                                                       \
    sys_call(nr, (unsigned long)(a), (unsigned long)(b), (unsigned long)(c), (unsigned long)(d),   \
             0, 0)
#define sys5(nr, a, b, c, d, e)                                                                    \
    sys_call(nr, (unsigned long)(a), (unsigned long)(b), (unsigned long)(c), (unsigned long)(d),   \
             (unsigned long)(e), 0)

/* NULL on failure. */
void *sys_mmap(void *addr, unsigned long length, int prot, int flags, int fd, uint64_t offset);
int sys_open(const char *path, int flags, int mode);
void sys_close(int fd);

/* RLIMIT_AS or RLIMIT_DATA, whichever is less; ~0: neither. */
uint64_t sys_memory_limit(void);

/* RLIMIT_FSIZE: beyond it a file cannot grow, and who tries gets SIGXFSZ. */
uint64_t sys_file_limit(void);

/* Sets it as far up as it goes, or back to `limit`. */
void sys_raise_file_limit(void);
void sys_restore_file_limit(uint64_t limit);

/* All signals of this thread are held back between the two; `saved` keeps the mask. */
void sys_block_signals(uint64_t *saved);
void sys_restore_signals(const uint64_t *saved);

/* Whether the byte can be read; so can then the aligned word that it is in. */
bool sys_can_read(const void *address);

/* Sleeps until woken or `milliseconds` have passed, if *word is still `value`. */
void sys_futex_wait(uint32_t *word, uint32_t value, unsigned milliseconds);
void sys_futex_wake(uint32_t *word, unsigned most);

uint64_t sys_clock(int clock); /* clock_gettime(2) in nanoseconds */
