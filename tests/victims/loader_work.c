/*
 * loader_work: does what makes ld.so work while the program runs, one argument after the other.
 *
 * Before each map that it prints it makes a system call that fails and names the map's number, so
 * that the place can be found in a trace.
 *
 *   open=FILE    dlopen            close     dlclose of the last one
 *   fails=FILE   the same in vain  space=FILE  dlmopen in a namespace of its own
 *   thread=FILE  dlopen in a thread            exit  a thread that ends by pthread_exit
 *   fork=FILE    dlopen in a child             iconv a conversion that needs a library
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <iconv.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "victim.h"

static void print_map(int number)
{
    char bytes[4096];
    ssize_t got;
    munmap((void *)(number * 4096UL + 1), 0); /* EINVAL */
    int fd = open("/proc/self/maps", O_RDONLY);
    say("@ map-begin %d\n", number);
    while ((got = read(fd, bytes, sizeof bytes)) > 0)
        if (write(STDOUT_FILENO, bytes, (size_t)got) != got)
            _exit(99);
    say("@ map-end %d\n", number);
    close(fd);
}

static void *handles[100];
static size_t count;

static void *opened(void *handle)
{
    if (!handle)
        give_up(dlerror());
    return handles[count++] = handle;
}

static void *open_it(void *file)
{
    return opened(dlopen(file, RTLD_NOW));
}

static void *leave(void *arg)
{
    pthread_exit(arg);
}

static void in_thread(void *(*start)(void *), void *arg)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, start, arg) != 0 || pthread_join(thread, NULL) != 0)
        give_up("thread");
}

static void in_child(void *file)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        open_it(file);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
        give_up("fork");
}

static void convert(void)
{
    iconv_t conversion = iconv_open("UTF-16", "UTF-8");
    if (conversion == (iconv_t)-1)
        give_up("iconv_open");
    iconv_close(conversion);
}

static void work(const char *what, char *file)
{
    if (strcmp(what, "open") == 0)
        open_it(file);
    else if (strcmp(what, "close") == 0)
        dlclose(handles[--count]);
    else if (strcmp(what, "fails") == 0)
        say("@ fails %s\n", dlopen(file, RTLD_NOW) ? "not" : "yes");
    else if (strcmp(what, "space") == 0)
        opened(dlmopen(LM_ID_NEWLM, file, RTLD_NOW));
    else if (strcmp(what, "thread") == 0)
        in_thread(open_it, file);
    else if (strcmp(what, "exit") == 0)
        in_thread(leave, NULL);
    else if (strcmp(what, "fork") == 0)
        in_child(file);
    else if (strcmp(what, "iconv") == 0)
        convert();
    else
        _exit(97);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        char *file = strchr(argv[i], '=');
        if (file)
            *file++ = '\0';
        work(argv[i], file);
        print_map(i);
    }
    return 0;
}
