/* A line on the terminal that says that the tracing goes on, as long as nothing else is printed
 * there.
 *
 * The program may print to the same terminal, and nobody tells when. So the line stands at the
 * right, in the row below the cursor, which stays where the program left it: whatever comes next,
 * comes where it would without the line, and at the worst ends up in one row with it. It is there
 * only while events come, only after two seconds in which nothing was written, and never while
 * somebody may be typing: in the background, or where the terminal is in another mode than that of
 * a shell's programs. */
#pragma once

#include "runner/model/model.h"
#include <sys/types.h>

struct progress {
    pid_t group; /* of processes, which has the terminal when we have it */
    int fd;      /* of the terminal, borrowed; -1: there is none, and nothing is done */
    bool color;  /* may be written in another style */
    bool shared; /* the program's standard output is the terminal, too */
    bool shown;
    uint64_t start; /* CLOCK_MONOTONIC in ns; likewise those of the next two lines */
    uint64_t quiet; /* since when nothing was printed */
    uint64_t next_check, next_line;
    uint64_t events;  /* model.seq when the last line was due */
    uint64_t written; /* bytes, by the program, when last looked */
};

void progress_start(struct progress *p, int fd, bool color);

/* To be called often while something comes; `idle`: and when nothing will come for a while. */
void progress_tick(struct progress *p, struct model *m, bool idle);

/* Before anything is written to the terminal, and at the end. */
void progress_erase(struct progress *p);
