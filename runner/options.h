/* The command line. */
#pragma once

#include "runner/expect/demands.h"
#include "runner/views/expect_report.h"
#include "runner/views/export.h"
#include "runner/views/views.h"

enum options_stacks { STACKS_ALL, STACKS_CHANGES, STACKS_NONE };
enum options_backend { BACKEND_AUTO, BACKEND_PRELOAD, BACKEND_PTRACE };

struct options {
    bool show; /* `show TRACE`: `arguments[0]` is the trace; else the program and its arguments */
    bool compare; /* `compare A B ...`: traces or commands */
    struct options_view {
        bool wanted;      /* by name */
        const char *file; /* NULL or "-": the default */
        bool json;        /* for programs, of a view that has both */
    } views[VIEW_COUNT], exports[EXPORT_FORMAT_COUNT];
    struct demands demands; /* of --expect */
    unsigned expect_format; /* enum expect_format */
    bool quiet;             /* no timeline unless wanted by name */
    bool all;
    bool ascii;
    bool answers; /* of --quiz */
    bool no_aslr;
    bool follow; /* children, too */
    enum options_stacks stacks;
    unsigned stack_depth; /* frames of a stack at most */
    bool verify_stacks;
    const char *moments;     /* of --resident: functions and lines, likewise */
    const char *where_names; /* of --where: only these, with commas between; or NULL */
    unsigned no_last_words;  /* 0 or 1 */
    unsigned no_html_source; /* likewise */
    enum options_backend backend;
    int pid;   /* a running process to look at; 0: none */
    int color; /* -1: as it fits, 0: never, 1: always */
    char **arguments;
};

enum options_result {
    OPTIONS_RUN,
    OPTIONS_DONE, /* --help or --version was answered */
    OPTIONS_WRONG /* a message was written */
};

enum options_result options_parse(struct options *options, int argc, char **argv);

/* Whether a word is an option that a file can follow, and none does: "--json". */
bool options_is_view(const char *word);

/* Whether a view for programs goes to the standard output: then the program's own output does not.
 */
bool options_data_on_stdout(const struct options *options);

/* Whether a view needs what only ptrace can look at. */
static inline bool options_want_ptrace(const struct options *o)
{
    return o->views[VIEW_WHERE].wanted || o->views[VIEW_RESIDENT].wanted ||
           o->views[VIEW_QUIZ].wanted;
}
