/*
 * own_interfaces: a program that has, under libc's and ld.so's names, functions and variables of
 * its own, as an interpreter does that can be linked without a dynamic loader.
 *
 * They answer that there is nothing, and count how often somebody asks. What is printed is as
 * without the tracer: who needs the real ones must find them elsewhere.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "victim.h"

static int questions, maps;

char **environ;
char __libc_single_threaded;
void *__libc_stack_end;

const char *gnu_get_libc_version(void);
unsigned long getauxval(unsigned long type);

void *dlsym(void *restrict handle, const char *restrict name)
{
    (void)handle, (void)name;
    questions++;
    return NULL;
}

int dladdr(const void *address, Dl_info *info)
{
    (void)address, (void)info;
    questions++;
    return 0;
}

int dladdr1(const void *address, Dl_info *info, void **extra, int flags)
{
    (void)address, (void)info, (void)extra, (void)flags;
    questions++;
    return 0;
}

int dlinfo(void *restrict handle, int request, void *restrict answer)
{
    (void)handle, (void)request, (void)answer;
    questions++;
    return -1;
}

int dl_iterate_phdr(int (*look)(struct dl_phdr_info *, size_t, void *), void *data)
{
    (void)look, (void)data;
    questions++;
    return 0;
}

unsigned long getauxval(unsigned long type)
{
    (void)type;
    questions++;
    return 0;
}

const char *gnu_get_libc_version(void)
{
    questions++;
    return NULL;
}

int *__errno_location(void)
{
    questions++;
    return NULL;
}

char *getenv(const char *name)
{
    (void)name;
    questions++;
    return NULL;
}

void *mmap(void *address, size_t length, int prot, int flags, int fd, off_t offset)
{
    maps++;
#ifdef __i386__
    return (void *)syscall(SYS_mmap2, address, length, prot, flags, fd, offset >> 12);
#else
    return (void *)syscall(SYS_mmap, address, length, prot, flags, fd, offset);
#endif
}

int munmap(void *address, size_t length)
{
    maps++;
    return (int)syscall(SYS_munmap, address, length);
}

static void *thread(void *arg)
{
    free(malloc(300000));
    return arg;
}

int main(void)
{
    pthread_t id;

    for (size_t i = 0; i < 10; i++) {
        free(malloc(i * 50000));
        munmap(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 8192);
    }
    if (pthread_create(&id, NULL, thread, NULL) != 0)
        give_up("pthread_create");
    pthread_join(id, NULL);
    int status = system("true");
    say("@ end %d questions, %d maps, status %d\n", questions, maps, status);
    return 0;
}
