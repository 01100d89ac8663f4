/*
 * sanitized MODE: is built with one of the compiler's sanitizers.
 *
 * `clean` does what malloc, threads and the stack are there for; the other modes have the fault
 * that one of the sanitizers reports: overflow, leak, race, undefined, uninitialised.
 */
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int shared;

static void *work(void *arg)
{
    char *block = malloc(5000);
    memset(block, 1, 5000);
    free(block);
    return arg;
}

static void *count(void *arg)
{
    shared++;
    return arg;
}

static void in_two_threads(void *(*function)(void *))
{
    pthread_t first, second;
    pthread_create(&first, NULL, function, NULL);
    pthread_create(&second, NULL, function, NULL);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "clean";
    for (size_t i = 1; i < 60; i++) {
        char *block = malloc(i * 5000);
        memset(block, 1, i * 5000);
        free(realloc(block, i * 6000));
    }
    in_two_threads(work);
    printf("%s\n", mode);
    fflush(stdout);
    if (strcmp(mode, "overflow") == 0) {
        char *volatile block = malloc(10);
        block[argc + 8] = 1;
        free(block);
    } else if (strcmp(mode, "leak") == 0) {
        void *volatile block = malloc(1234);
        block = NULL;
        return block != NULL;
    } else if (strcmp(mode, "race") == 0) {
        in_two_threads(count);
    } else if (strcmp(mode, "uninitialised") == 0) {
        int *volatile block = malloc(sizeof *block);
        if (*block)
            puts("not zero");
        free(block);
    } else if (strcmp(mode, "undefined") == 0) {
        return INT_MAX + argc == 0;
    }
    return 0;
}
