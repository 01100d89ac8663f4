/* Makes two changes of the map, and waits between them until its standard input ends. For a tracer:
 * what becomes of the terminal meanwhile is noticed; a block of one byte is told as that. */
#include <stdlib.h>
#include <unistd.h>

int main(void)
{
    char byte;
    free(malloc(1));
    void *first = malloc(200000);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    void *second = malloc(300000);
    free(first);
    free(second);
    return 0;
}
