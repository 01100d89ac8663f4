#include "runner/help.h"
#include "runner/base/translate.h"
#include <stdio.h>

static const char usage[] = N_("Usage: procmap-trace [OPTION...] [--] PROGRAM [ARGUMENT...]\n"
                               "       procmap-trace [OPTION...] -p PID\n"
                               "       procmap-trace show [OPTION...] TRACE\n"
                               "       procmap-trace compare [OPTION...] A B...\n");

/* procmap-trace(1) has the same options; tests/e2e compares them. */
static const char *const help[] = {
    N_("Runs an unmodified program and shows how its memory map evolves, and why.\n"
       "`show` does the same with a trace recorded by --json=FILE (\"-\": standard input).\n"
       "`compare` says how 2 to 6 runs differ: traces, or commands in quotes.\n"
       "\n"),
    N_("What to show:\n"
       "      --timeline[=FILE]  the story of the map, for people (default)\n"
       "      --json[=FILE]      every event, one JSON object a line; without FILE to\n"
       "                         the standard output: then the program's own goes to\n"
       "                         the standard error, and there is no timeline\n"
       "      --html[=FILE]      the run as one page for a browser: source, story,\n"
       "                         map, time; without FILE as with --json\n"
       "      --html-source=HOW  yes (default): with the program's own source files; no\n"
       "      --summary[=FILE|json]  what it all came to, on one screen: map, heap,\n"
       "                         malloc, callers, what was not freed; without FILE in\n"
       "                         place of the timeline; json: one object, to the\n"
       "                         standard output\n"
       "      --thresholds[=FILE|json]  sizes of blocks against malloc's thresholds over\n"
       "                         time: the moves of the threshold, where blocks of each\n"
       "                         size lie, and which lie elsewhere, and why\n"
       "      --where[=FILE|NAMES]  in which region each variable, parameter and\n"
       "                         function is, and what pointers point to (by ptrace)\n"
       "      --resident[=FILE|MOMENTS]  how much of each region is in memory at the\n"
       "                         start, the end, and MOMENTS: FUNCTION, FILE:LINE\n"
       "      --quiz[=FILE|answers]  the lab's questions for this program; answers: with\n"
       "                         the answers (ptrace)\n"
       "      --export=FORMAT[:FILE]  for viewers of others: folded, folded-peak,\n"
       "                         folded-growth, massif, pprof, perfetto\n"
       "      --ascii            draws with ASCII (default: where there is no UTF-8)\n"
       "      --lang=LANGUAGE    en or es; default: as LC_ALL, LC_MESSAGES, LANG say\n"
       "      --expect=DEMAND    what must be so, as 'heap.size <= 136K'; or a file\n"
       "                         of such lines; tells which do not hold\n"
       "      --expect-format=HOW  text (default); tap, json: all demands, to the\n"
       "                         standard output\n"
       "  -o, --output=FILE      where the timeline goes (default: standard error; with\n"
       "                         show: standard output)\n"
       "  -q, --quiet            no timeline, no line that shows the progress\n"
       "  -a, --all              also procmap-trace's own regions, and every allocation\n"
       "      --color=WHEN       always, never or auto (default: on a terminal, unless\n"
       "                         NO_COLOR is set)\n"
       "\n"),
    N_("How to run the program:\n"
       "  -f, --follow           children, too, each with a map of its own\n"
       "      --no-aslr          the same addresses in every run\n"
       "      --backend=HOW      preload: by a library loaded into the program; ptrace:\n"
       "                         as a debugger does; auto (default): preload where that\n"
       "                         is possible\n"
       "      --stacks=WHICH     call stacks of all allocations and changes of the map:\n"
       "                         all (default); of changes only: changes; just the\n"
       "                         caller: none\n"
       "      --stack-depth=N    at most N frames of a stack, 1 to 64 (default)\n"
       "      --verify-stacks    walk each stack a second time, by libunwind, and count\n"
       "                         where the two differ (preload only; slow)\n"
       "      --last-words=WHICH yes (default): a program ended by a signal tells where;\n"
       "                         no: nothing of ours handles signals\n"
       "  -p, --pid=PID          look at a running process, by ptrace, until Ctrl-C\n"
       "\n"),
    N_("  -h, --help             this text\n"
       "  -V, --version          the version\n"
       "\n"
       "The exit status is the program's; 124 if a demand does not hold, 125 if\n"
       "procmap-trace fails, 126 if PROGRAM cannot be executed, 127 if it is not found.\n")};

void help_usage(FILE *out)
{
    fputs(_(usage), out);
}

void help_print(FILE *out)
{
    help_usage(out);
    for (size_t i = 0; i < sizeof help / sizeof *help; i++)
        fputs(_(help[i]), out);
}
