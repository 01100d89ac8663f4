/*
 * busy [talk]: prints "working: ", allocates and frees without pause until there is something to
 * read from its standard input, or its end; prints "done" to the same line. With "talk" it prints
 * lines all the time.
 */
#include <poll.h>

#include "victim.h"

int main(int argc, char *argv[])
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

    (void)argv;
    say("working: ");
    for (unsigned long round = 1; poll(&input, 1, 0) == 0; round++) {
        if (argc > 1 && round % 200 == 0)
            say("%lu\n", round);
        for (int i = 0; i < 1000; i++) {
            char *volatile block = malloc(100);
            free(block);
        }
    }
    say("done\n");
    return 0;
}
