/*
 * env_args [ARGS...]: prints its arguments and environment, and what lies behind them on the
 * stack.
 *
 * The tracer must leave the program with the arguments and the environment that it would have
 * without it; and if it takes its own variables out in place, the auxiliary vector must still be
 * found behind the NULL of envp, where programs (and run-time systems of languages) look for it.
 */
#include <elf.h>
#include <link.h>
#include <string.h>

#include "victim.h"

extern char **environ;

/* Values can be longer than a line of say(). */
static void say_text(const char *head, int number, const char *text)
{
    say("@ %s %d ", head, number);
    for (size_t done = 0, length = strlen(text); done < length;) {
        ssize_t written = write(STDOUT_FILENO, text + done, length - done);
        if (written < 0)
            _exit(99);
        done += (size_t)written;
    }
    say("\n");
}

int main(int argc, char *argv[], char *envp[])
{
    int count = 0;

    say("@ argc %d\n", argc);
    for (int i = 0; i < argc; i++)
        say_text("arg", i, argv[i]);
    say("@ argv-ends-with-null %s\n", argv[argc] == NULL ? "yes" : "no");

    while (envp[count] != NULL) {
        say_text("env", count, envp[count]);
        count++;
    }
    say("@ envp-follows-argv %s\n", envp == argv + argc + 1 ? "yes" : "no");
    say("@ environ-is-envp %s\n", environ == envp ? "yes" : "no");
    for (int i = 0; environ[i] != NULL; i++)
        if (getenv("PATH") != NULL && strncmp(environ[i], "PATH=", 5) == 0)
            say("@ getenv-agrees %s\n", getenv("PATH") == environ[i] + 5 ? "yes" : "no");

    int random = 0, entries = 0;
    unsigned long page_size = 0, entry_point = 0;
    for (ElfW(auxv_t) *auxv = (void *)(envp + count + 1); auxv->a_type != AT_NULL && entries < 100;
         auxv++) {
        entries++;
        if (auxv->a_type == AT_PAGESZ)
            page_size = auxv->a_un.a_val;
        if (auxv->a_type == AT_ENTRY)
            entry_point = auxv->a_un.a_val;
        if (auxv->a_type == AT_RANDOM)
            random = auxv->a_un.a_val != 0;
    }
    say("@ auxv AT_PAGESZ %lu\n", page_size);
    say("@ auxv AT_RANDOM %s\n", random ? "yes" : "no");
    say("@ auxv AT_ENTRY %s\n", entry_point != 0 ? "yes" : "no");
    say("@ auxv entries %d\n", entries);
    say("@ end\n");
    return 0;
}
