/* The command line: one word a line. */
#include "runner/options.h"
#include "tests/fuzz/fuzz.h"
#include <getopt.h>

#define WORDS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct options options;
    char *argv[WORDS + 2] = {"procmap-trace"}, *text = calloc(1, size + 1), *rest = text;
    FILE *streams[] = {stdout, stderr}, *nowhere = fopen("/dev/null", "we");
    int argc = 1;
    memcpy(text, data, size);
    for (char *word; argc <= WORDS && (word = strsep(&rest, "\n"));)
        argv[argc++] = word;
    stdout = stderr = nowhere;
    optind = 0; /* getopt(3) begins anew */
    options_parse(&options, argc, argv);
    stdout = streams[0];
    stderr = streams[1];
    fclose(nowhere);
    free(text);
    return 0;
}
