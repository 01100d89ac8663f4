/* Forbids itself system calls, or to read the time stamp counter, and goes on to allocate and map.
 *
 *     forbids HOW WHAT [THEN]
 *
 * HOW: prctl, seccomp, tsync (seccomp for all threads, of which one works meanwhile); with a filter
 * that lets pass only what work() and the output need, and else does WHAT: kill, trap or errno.
 * strict, tsc: WHAT is not used. probe, refused: what does not come about.
 * THEN: fork, exec: a child, or another program, in the place of the work. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
    (void)number;
    signals++;
}

static void work(int times)
{
    for (int i = 0; i < times; i++) {
        char *block = malloc(200000 + (size_t)i * 5000);
        void *map = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        memset(block, 1, 100);
        free(block);
        munmap(map, 1 << 16);
    }
}

static volatile int works;

static void *worker(void *for_ever)
{
    do {
        work(1);
        works = 1;
    } while (for_ever);
    return NULL;
}

/* "@ after SIGNALS", by write alone. */
static void say(void)
{
    char text[] = "@ after 0\n";
    text[8] = (char)('0' + (signals > 9 ? 9 : signals));
    if (write(1, text, sizeof text - 1) < 0)
        _exit(1);
}

static int set_filter(const char *how, const char *what)
{
#define ALLOW(name)                                                                                \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                                         \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
    int all = strcmp(how, "tsync") == 0;
    unsigned action = strcmp(what, "kill") == 0   ? SECCOMP_RET_KILL_PROCESS
                      : strcmp(what, "trap") == 0 ? SECCOMP_RET_TRAP
                                                  : SECCOMP_RET_ERRNO | EPERM;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)), ALLOW(write),
        ALLOW(brk), ALLOW(mmap), ALLOW(munmap), ALLOW(mremap), ALLOW(madvise), ALLOW(exit_group),
        ALLOW(exit), ALLOW(rt_sigreturn), ALLOW(clone), ALLOW(wait4), ALLOW(execve),
        ALLOW(set_robust_list), ALLOW(mprotect), ALLOW(gettid),
#ifdef SYS_mmap2
        ALLOW(mmap2),
#endif
        /* what malloc needs with two threads; else a number that no call has */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, all ? SYS_futex : 0xffff, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW), BPF_STMT(BPF_RET | BPF_K, action)};
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    if (strcmp(how, "prctl") == 0)
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, all ? SECCOMP_FILTER_FLAG_TSYNC : 0,
                        &program);
}

static int forbid(const char *how, const char *what)
{
    struct sock_fprog wrong = {0, NULL};
    if (strcmp(how, "none") == 0)
        return 0;
    if (strcmp(how, "strict") == 0)
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
    if (strcmp(how, "tsc") == 0)
        return prctl(PR_SET_TSC, PR_TSC_SIGSEGV);
    if (strcmp(how, "probe") == 0)
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) == -1 && errno == EFAULT ? 0 : -1;
    if (strcmp(how, "refused") == 0)
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &wrong) == -1 && errno == EINVAL ? 0 : -1;
    return set_filter(how, what);
}

int main(int argc, char **argv)
{
    const char *then = argc > 3 ? argv[3] : "";
    pthread_t thread;
    if (argc < 3)
        return 64;
    signal(SIGSYS, on_signal);
    work(3);
    if (strcmp(argv[1], "tsync") == 0 && pthread_create(&thread, NULL, worker, argv) != 0)
        return 65;
    while (strcmp(argv[1], "tsync") == 0 && !works)
        usleep(100);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || forbid(argv[1], argv[2]) != 0)
        return 77;
    if (strcmp(argv[1], "strict") == 0) {
        say();
        syscall(SYS_exit, 5);
    }
    work(20);
    if (strcmp(then, "exec") == 0)
        execl("/proc/self/exe", argv[0], "none", "-", (char *)NULL);
    if (strcmp(then, "fork") == 0) {
        pid_t child = fork();
        if (child == 0) {
            work(3);
            say();
            _exit(6);
        }
        waitpid(child, NULL, 0);
    }
    say();
    return 4;
}
