/*
 * fds [plain|close-all|stdin|exhaust]: opens files at several moments and prints the descriptors
 * it gets.
 *
 * The tracer must leave no descriptor open (or the numbers differ from those of an untraced run),
 * must not be upset when the program closes every descriptor there is, must not take number 0
 * when it is free, and must go on without any descriptor to be had (it may have to report a
 * loss).
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "victim.h"

static int open_one(const char *when)
{
    int descriptor = open("/dev/null", O_RDONLY);

    say("@ fd %s %d\n", when, descriptor);
    return descriptor;
}

static void list_descriptors(const char *when)
{
    DIR *directory = opendir("/proc/self/fd");
    struct dirent *entry;

    if (directory == NULL)
        give_up("/proc/self/fd");
    while ((entry = readdir(directory)) != NULL)
        if (entry->d_name[0] != '.')
            say("@ open %s %s\n", when, entry->d_name);
    closedir(directory);
}

/* Changes the map by brk, by mmap and by munmap. */
static void churn(void)
{
    void *small = MALLOC(60000);
    void *big = MALLOC(500000);
    void *area = mmap(NULL, 8192, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    say("@ mmap 8192 0x%lx line %d\n", (unsigned long)area, __LINE__ - 2);
    munmap(area, 8192);
    say("@ munmap 0x%lx 8192 line %d\n", (unsigned long)area, __LINE__ - 1);
    FREE(big);
    FREE(small);
}

static void plain(void)
{
    open_one("start");
    churn();
    open_one("after-churn");
    FREE(MALLOC(2000000));
    open_one("after-2000000");
    list_descriptors("end");
}

static void close_all(void)
{
    open_one("start");
    churn();
    for (int descriptor = 3; descriptor < 1024; descriptor++)
        close(descriptor);
    churn();
    open_one("after-close-all");
    churn();
    list_descriptors("end");
}

static void without_stdin(void)
{
    close(STDIN_FILENO);
    churn();
    open_one("in-place-of-stdin");
    churn();
    list_descriptors("end");
}

static void exhaust(void)
{
    struct rlimit limit = {16, 16};
    int opened = 0;

    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        give_up("setrlimit");
    while (open("/dev/null", O_RDONLY) >= 0)
        opened++;
    say("@ opened %d\n", opened);
    churn();
    close(15);
    open_one("the-last-one");
    churn();
}

int main(int argc, char *argv[])
{
    const char *mode = argc > 1 ? argv[1] : "plain";

    list_descriptors("main");
    if (strcmp(mode, "plain") == 0)
        plain();
    else if (strcmp(mode, "close-all") == 0)
        close_all();
    else if (strcmp(mode, "stdin") == 0)
        without_stdin();
    else if (strcmp(mode, "exhaust") == 0)
        exhaust();
    else
        return 2;
    say("@ end\n");
    return 0;
}
