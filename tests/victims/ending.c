/*
 * ending MODE: some mallocs of sizes easy to recognise, then an end of the given kind.
 *
 * The modes, and the status or signal to expect:
 *
 *   return 0         exit0 0        exit7 7            _exit 9              quick_exit 8
 *   abort SIGABRT    segv SIGSEGV   stack-overflow SIGSEGV   sigterm SIGTERM   sigkill SIGKILL
 *   exec 0           exec_fail 6    exec_in_thread 0   exit_in_thread 5     pthread_exit_main 0
 *
 * The tracer must have all the events up to the end, end its own output properly, and pass the
 * status on (a fatal signal as the same signal).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "victim.h"

static char *volatile kept;
static int *volatile nowhere = NULL;

static void at_exit(void)
{
    say("@ at-exit\n");
    FREE(MALLOC(1234));
}

static void at_quick_exit_handler(void)
{
    say("@ at-quick-exit\n");
    FREE(MALLOC(4321));
}

static int overflow(int depth)
{
    volatile char frame[16384];

    frame[0] = (char)depth;
    return depth < 0 ? frame[0] : overflow(depth + 1) + frame[0];
}

static void *exec_echo(void *argument)
{
    (void)argument;
    execl("/bin/echo", "echo", "@ echo", (char *)NULL);
    return NULL;
}

static void *exit_with_5(void *argument)
{
    (void)argument;
    FREE(MALLOC(2222));
    exit(5);
}

static void *outlive_main(void *argument)
{
    pthread_t *main_thread = argument;

    pthread_join(*main_thread, NULL);
    FREE(MALLOC(3333));
    say("@ main-thread-gone\n");
    return NULL;
}

static void in_thread(void *(*function)(void *), void *argument)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, function, argument) != 0)
        give_up("pthread_create");
    pthread_join(thread, NULL);
}

static void end_by_signal(const char *mode)
{
    if (strcmp(mode, "abort") == 0)
        abort();
    if (strcmp(mode, "segv") == 0)
        *nowhere = 1;
    if (strcmp(mode, "stack-overflow") == 0)
        overflow(0);
    if (strcmp(mode, "sigterm") == 0)
        raise(SIGTERM);
    if (strcmp(mode, "sigkill") == 0)
        raise(SIGKILL);
}

static void end_by_exec(const char *mode)
{
    if (strcmp(mode, "exec") == 0)
        exec_echo(NULL);
    if (strcmp(mode, "exec_in_thread") == 0)
        in_thread(exec_echo, NULL);
    if (strcmp(mode, "exec_fail") == 0) {
        execl("/does/not/exist", "exist", (char *)NULL);
        say("@ exec-failed %d\n", errno);
        FREE(MALLOC(6666)); /* we are still here, and still traced */
        exit(6);
    }
}

static void end_by_exit(const char *mode)
{
    static pthread_t main_thread;
    pthread_t thread;

    if (strcmp(mode, "exit0") == 0)
        exit(0);
    if (strcmp(mode, "exit7") == 0)
        exit(7);
    if (strcmp(mode, "_exit") == 0)
        _exit(9);
    if (strcmp(mode, "quick_exit") == 0)
        quick_exit(8);
    if (strcmp(mode, "exit_in_thread") == 0)
        in_thread(exit_with_5, NULL);
    if (strcmp(mode, "pthread_exit_main") == 0) {
        main_thread = pthread_self();
        if (pthread_create(&thread, NULL, outlive_main, &main_thread) != 0)
            give_up("pthread_create");
        pthread_exit(NULL);
    }
}

int main(int argc, char *argv[])
{
    const char *mode = argc > 1 ? argv[1] : "return";

    atexit(at_exit);
    at_quick_exit(at_quick_exit_handler);
    FREE(MALLOC(11));
    kept = MALLOC(1111);
    kept = MALLOC(11111);
    kept = MALLOC(1111111);
    say("@ ending %s\n", mode);
    end_by_signal(mode);
    end_by_exec(mode);
    end_by_exit(mode);
    return strcmp(mode, "return") == 0 ? 0 : 2;
}
