#include "runner/options.h"
#include "runner/base/near.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/help.h"
#include "schemas/record.h"
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef VERSION
#define VERSION "unknown"
#endif

enum {
    OPTION_VIEW = 256, /* the first; VIEW_COUNT of them */
    OPTION_COLOR = OPTION_VIEW + VIEW_COUNT,
    OPTION_NO_ASLR,
    OPTION_BACKEND,
    OPTION_STACKS,
    OPTION_STACK_DEPTH,
    OPTION_LAST_WORDS,
    OPTION_HTML_SOURCE,
    OPTION_ASCII,
    OPTION_LANG,
    OPTION_EXPORT,
    OPTION_EXPECT_FORMAT,
    OPTION_EXPECT,
    OPTION_VERIFY_STACKS
};

#define OPTION_OF_VIEW(name, text, make) {text, optional_argument, NULL, OPTION_VIEW + VIEW_##name},
static const struct option names[] = {
    VIEWS(OPTION_OF_VIEW) /* one each */
    {"output", required_argument, NULL, 'o'},
    {"quiet", no_argument, NULL, 'q'},
    {"all", no_argument, NULL, 'a'},
    {"color", required_argument, NULL, OPTION_COLOR},
    {"follow", no_argument, NULL, 'f'},
    {"no-aslr", no_argument, NULL, OPTION_NO_ASLR},
    {"backend", required_argument, NULL, OPTION_BACKEND},
    {"stacks", required_argument, NULL, OPTION_STACKS},
    {"stack-depth", required_argument, NULL, OPTION_STACK_DEPTH},
    {"last-words", required_argument, NULL, OPTION_LAST_WORDS},
    {"html-source", required_argument, NULL, OPTION_HTML_SOURCE},
    {"export", required_argument, NULL, OPTION_EXPORT},
    {"lang", required_argument, NULL, OPTION_LANG},
    {"ascii", no_argument, NULL, OPTION_ASCII},
    {"expect-format", required_argument, NULL, OPTION_EXPECT_FORMAT},
    {"expect", required_argument, NULL, OPTION_EXPECT},
    {"verify-stacks", no_argument, NULL, OPTION_VERIFY_STACKS},
    {"pid", required_argument, NULL, 'p'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {0},
};

static enum options_result wrong(const char *message, const char *argument)
{
    if (message) {
        fprintf(stderr, "procmap-trace: %s", _(message));
        text_escape(stderr, argument, strlen(argument), 0);
        fputc('\n', stderr);
    }
    help_usage(stderr);
    fputs(_("Try 'procmap-trace --help'.\n"), stderr);
    return OPTIONS_WRONG;
}

/* The long option that the word is, or is most like: "-json", "--jsn", "--jsno=FILE". */
static const char *option_meant(const char *word, char *best, size_t size)
{
    char name[40];
    struct near near;
    const char *first = word + strspn(word, "-");
    snprintf(name, sizeof name, "%.*s", (int)strcspn(first, "="), first);
    near_begin(&near, name, best, size);
    for (const struct option *o = names; o->name; o++)
        if (near_is_closer(&near, o->name))
            near_take(&near, o->name);
    return best;
}

/* Whether the word is a long option with one hyphen, as other tools have it: "-follow" would be
 * -f -o llow here. */
static bool lacks_hyphen(const char *word)
{
    if (word[0] != '-' || word[1] == '-' || strlen(word) < 4)
        return false;
    size_t length = strcspn(word + 1, "=");
    for (const struct option *o = names; o->name; o++)
        if (strlen(o->name) == length && strncmp(word + 1, o->name, length) == 0)
            return true;
    return false;
}

/* getopt_long(3) has said what is wrong. */
static enum options_result unknown(const char *word)
{
    char best[40];
    if (strlen(word) > 3 && option_meant(word, best, sizeof best)[0])
        fprintf(stderr, "Did you mean --%s?\n", best);
    return wrong(NULL, "");
}

static bool is_one_of(const char *text, const char *const words[3], unsigned *which)
{
    for (*which = 0; *which < 3 && words[*which]; ++*which)
        if (strcmp(text, words[*which]) == 0)
            return true;
    return false;
}

/* From 1 to `most`; 0 for anything else. */
static unsigned number_of(const char *text, long most)
{
    char *end;
    long number = strtol(text, &end, 10);
    return number > 0 && number <= most && *end == '\0' ? (unsigned)number : 0;
}

/* What --where is followed by: a file has a dot or a slash in its name, a variable has not. */
static bool is_names(int view, const char *argument)
{
    return view == VIEW_WHERE && argument && !strpbrk(argument, "./-");
}

/* What --resident is followed by: functions, and lines, which have a colon. */
static bool is_moments(int view, const char *argument)
{
    return view == VIEW_RESIDENT && argument &&
           (strchr(argument, ':') || !strpbrk(argument, "./-"));
}

static void take_view(struct options *o, int view)
{
    o->views[view].wanted = true;
    bool has_json = view == VIEW_SUMMARY || view == VIEW_THRESHOLDS;
    bool is_answers = view == VIEW_QUIZ && optarg && strcmp(optarg, "answers") == 0;
    if (is_answers)
        o->answers = true;
    else if (is_names(view, optarg))
        o->where_names = optarg;
    else if (is_moments(view, optarg))
        o->moments = optarg;
    else if (has_json && optarg && strcmp(optarg, "json") == 0)
        o->views[view].json = true;
    else if (optarg)
        o->views[view].file = optarg;
}

static const char *const colors[] = {"auto", "never", "always"};
static const char *const backends[] = {"auto", "preload", "ptrace"};
static const char *const stacks[] = {"all", "changes", "none"};
static const char *const yes_or_no[3] = {"yes", "no"};
static const char *const reports[] = {"text", "tap", "json"};

/* `no` becomes 0 or 1. */
static enum options_result take_yes(unsigned *no, const char *message)
{
    return is_one_of(optarg, yes_or_no, no) ? OPTIONS_RUN : wrong(message, optarg);
}

static enum options_result take_demands(struct options *o)
{
    char why[600];
    if (demands_add(&o->demands, optarg, why, sizeof why))
        return OPTIONS_RUN;
    return wrong("--expect: ", why);
}

/* "massif", "pprof:FILE" */
static enum options_result take_export(struct options *o)
{
    size_t length = strcspn(optarg, ":");
    for (unsigned i = 0; i < EXPORT_FORMAT_COUNT; i++) {
        const char *name = export_format_name(i);
        if (strlen(name) != length || strncmp(name, optarg, length) != 0)
            continue;
        o->exports[i] = (struct options_view){
            .wanted = true, .file = optarg[length] ? optarg + length + 1 : NULL, .json = true};
        return OPTIONS_RUN;
    }
    return wrong("--export takes FORMAT or FORMAT:FILE; FORMAT is folded, folded-peak, "
                 "folded-growth, massif, pprof or perfetto, not ",
                 optarg);
}

/* What an option without an argument switches on, or NULL. */
static bool *switch_of(struct options *o, int option)
{
    switch (option) {
    case 'f':
        return &o->follow;
    case 'q':
        return &o->quiet;
    case 'a':
        return &o->all;
    case OPTION_NO_ASLR:
        return &o->no_aslr;
    case OPTION_ASCII:
        return &o->ascii;
    case OPTION_VERIFY_STACKS:
        return &o->verify_stacks;
    default:
        return NULL;
    }
}

/* One of some words. */
static enum options_result take_choice(struct options *o, int option)
{
    unsigned color;
    switch (option) {
    case OPTION_COLOR:
        if (!is_one_of(optarg, colors, &color))
            return wrong("--color takes auto, always or never, not ", optarg);
        o->color = (int)color - 1;
        break;
    case OPTION_BACKEND:
        if (!is_one_of(optarg, backends, &o->backend))
            return wrong("--backend takes auto, preload or ptrace, not ", optarg);
        break;
    case OPTION_STACKS:
        if (!is_one_of(optarg, stacks, &o->stacks))
            return wrong("--stacks takes all, changes or none, not ", optarg);
        break;
    case OPTION_EXPECT_FORMAT:
        if (!is_one_of(optarg, reports, &o->expect_format))
            return wrong("--expect-format takes text, tap or json, not ", optarg);
        break;
    }
    return OPTIONS_RUN;
}

static enum options_result take(struct options *o, int option)
{
    bool *on = switch_of(o, option);
    if (on) {
        *on = true;
        return OPTIONS_RUN;
    }
    if (option >= OPTION_VIEW && option < OPTION_VIEW + VIEW_COUNT) {
        take_view(o, option - OPTION_VIEW);
        return OPTIONS_RUN;
    }
    switch (option) {
    case OPTION_COLOR:
    case OPTION_BACKEND:
    case OPTION_STACKS:
    case OPTION_EXPECT_FORMAT:
        return take_choice(o, option);
    case 'o':
        take_view(o, VIEW_TIMELINE);
        break;
    case OPTION_STACK_DEPTH:
        if (!(o->stack_depth = number_of(optarg, PMT_MAX_FRAMES)))
            return wrong("--stack-depth takes a number from 1 to 64, not ", optarg);
        break;
    case OPTION_LAST_WORDS:
        return take_yes(&o->no_last_words, "--last-words takes yes or no, not ");
    case OPTION_EXPORT:
        return take_export(o);
    case OPTION_LANG:
        if (!translate_to(optarg))
            return wrong("--lang takes en or es (if the tool was built with gettext), not ",
                         optarg);
        break;
    case OPTION_EXPECT:
        return take_demands(o);
    case OPTION_HTML_SOURCE:
        return take_yes(&o->no_html_source, "--html-source takes yes or no, not ");
    case 'p':
        if (!(o->pid = (int)number_of(optarg, INT_MAX)))
            return wrong("-p takes the id of a process, not ", optarg);
        break;
    case 'h':
        help_print(stdout);
        return OPTIONS_DONE;
    case 'V':
        printf("procmap-trace %s\n", VERSION);
        return OPTIONS_DONE;
    }
    return OPTIONS_RUN;
}

static enum options_result take_all(struct options *o, int argc, char **argv)
{
    for (;;) {
        char *word = optind < argc ? argv[optind] : argv[0];
        int option = getopt_long(argc, argv, o->show ? "o:qahV" : "+fo:qap:hV", names, NULL);
        if (option == -1)
            return OPTIONS_RUN;
        if (option != '?' && lacks_hyphen(word))
            return wrong("a long option begins with two hyphens: -", word);
        enum options_result result = option == '?' ? unknown(word) : take(o, option);
        if (result != OPTIONS_RUN)
            return result;
    }
}

static bool is_on_stdout(const struct options_view *view)
{
    return view->wanted && (!view->file || strcmp(view->file, "-") == 0);
}

/* How many views for programs go to the standard output. */
static unsigned data_on_stdout(const struct options *o)
{
    unsigned count = 0;
    for (unsigned i = 0; i < VIEW_COUNT; i++) {
        const struct options_view *view = &o->views[i];
        bool data = i == VIEW_JSON || i == VIEW_HTML || view->json;
        count += data && is_on_stdout(view);
    }
    for (unsigned i = 0; i < EXPORT_FORMAT_COUNT; i++)
        count += is_on_stdout(&o->exports[i]);
    count += o->demands.count && o->expect_format != EXPECT_TEXT;
    return count;
}

static enum options_result check_compare(const struct options *o, int count)
{
    if (count < 2 || count > 6)
        return wrong("compare takes 2 to 6 traces, or commands in quotes", "");
    for (unsigned i = 0; i < VIEW_COUNT; i++)
        if (o->views[i].wanted)
            return wrong("compare has a view of its own; record with --json=FILE what others are "
                         "to show",
                         "");
    if (o->pid || o->follow || o->verify_stacks)
        return wrong("compare takes --backend, --no-aslr, --color and --all", "");
    return OPTIONS_RUN;
}

/* All messages are in it, wherever it stands. */
static void find_language(char **argv)
{
    translate_as_environment();
    for (; *argv && strcmp(*argv, "--") != 0; argv++)
        if (text_starts(*argv, "--lang="))
            translate_to(*argv + strlen("--lang="));
}

enum options_result options_parse(struct options *o, int argc, char **argv)
{
    static char name[] = "procmap-trace"; /* for the messages of getopt_long(3) */
    find_language(argv);
    *o = (struct options){.color = -1, .stack_depth = PMT_MAX_FRAMES};
    o->show = argc > 1 && strcmp(argv[1], "show") == 0;
    o->compare = argc > 1 && strcmp(argv[1], "compare") == 0;
    if (o->show || o->compare) {
        argv++;
        argc--;
    }
    if (argc > 0)
        argv[0] = name;
    enum options_result result = take_all(o, argc, argv);
    if (result != OPTIONS_RUN)
        return result;
    o->arguments = argv + optind;
    if (o->compare)
        return check_compare(o, argc - optind);
    if (o->pid && (o->show || o->arguments[0]))
        return wrong("-p looks at a running process: not also ",
                     o->show ? "show" : o->arguments[0]);
    if (o->pid && (o->no_aslr || o->backend == BACKEND_PRELOAD))
        return wrong("-p looks at a running process: no ",
                     o->no_aslr ? "--no-aslr" : "--backend=preload");
    if (options_want_ptrace(o) && !o->show && o->backend == BACKEND_PRELOAD)
        return wrong("--where, --resident and --quiz look by ptrace: no --backend=preload", "");
    if (o->verify_stacks && (o->show || o->pid || o->backend == BACKEND_PTRACE))
        return wrong("--verify-stacks is for programs that are run, by preload", "");
    if (!o->pid && !o->arguments[0])
        return wrong(o->show ? "show: which trace?" : "which program?", "");
    if (o->show && (o->no_aslr || o->follow))
        return wrong("show does not run the program again: no --no-aslr and no --follow", "");
    if (o->show && o->arguments[1])
        return wrong("show takes one trace; not also ", o->arguments[1]);
    if (data_on_stdout(o) > 1)
        return wrong("two views for programs cannot both go to the standard output: name a FILE "
                     "for one",
                     "");
    return OPTIONS_RUN;
}

bool options_is_view(const char *word)
{
#define IS_VIEW(name, text, make) || strcmp(word, "--" text) == 0
    return false VIEWS(IS_VIEW);
}

bool options_data_on_stdout(const struct options *o)
{
    return data_on_stdout(o) > 0;
}
