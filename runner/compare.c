#include "runner/compare.h"
#include "runner/base/memory.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/explain.h"
#include "runner/model/model.h"
#include "runner/program/sections.h"
#include "runner/replay/replay.h"
#include "runner/setup.h"
#include "runner/symbols/symbols.h"
#include "runner/views/compare_text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wordexp.h>

#define OWN_FAILURE 125

/* ---- a command, run with its trace in memory ---- */

/* Words as of a shell, without its commands. */
static bool split(const char *command, wordexp_t *words)
{
    int error = wordexp(command, words, WRDE_NOCMD);
    if (error == 0 && words->we_wordc > 0)
        return true;
    explain(command, "%s",
            error == WRDE_BADCHAR
                ? _("a character that a shell would take for itself (| & ; < > ( ) "
                    "{ }): put it in quotes")
            : error == WRDE_CMDSUB ? _("commands in commands are not run")
            : error == WRDE_SYNTAX ? _("a quote is not closed")
                                   : _("which program?"));
    return false;
}

/* This program once more; its trace comes into `fd`. */
static void execute(const struct options *o, const wordexp_t *words, int fd)
{
    static const char *const backends[] = {"--backend=auto", "--backend=preload",
                                           "--backend=ptrace"};
    char json[40];
    size_t count = 0;
    char **argv = memory_get((words->we_wordc + 8) * sizeof *argv);
    /* by way of the parent: no descriptor of it is left to the program */
    snprintf(json, sizeof json, "--json=/proc/%d/fd/%d", (int)getppid(), fd);
    argv[count++] = (char *)"procmap-trace";
    argv[count++] = (char *)"-q";
    argv[count++] = json;
    argv[count++] = (char *)backends[o->backend];
    if (o->no_aslr)
        argv[count++] = (char *)"--no-aslr";
    argv[count++] = (char *)"--";
    for (size_t i = 0; i < words->we_wordc; i++)
        argv[count++] = words->we_wordv[i];
    dup2(STDERR_FILENO, STDOUT_FILENO); /* the standard output has the comparison */
    execv("/proc/self/exe", argv);
    _exit(OWN_FAILURE);
}

/* False after a message; `path`: of its trace. */
static bool run(const struct options *o, const char *command, char *path, size_t size)
{
    wordexp_t words;
    int status = 0, fd = memfd_create("procmap-trace-compare", MFD_CLOEXEC);
    if (fd < 0 || !split(command, &words))
        return false;
    pid_t child = fork();
    if (child == 0)
        execute(o, &words, fd);
    bool ran = child > 0;
    while (ran && waitpid(child, &status, 0) < 0)
        ran = errno == EINTR;
    wordfree(&words);
    struct stat st;
    snprintf(path, size, "/dev/fd/%d", fd);              /* open until the end: some descriptors */
    return ran && fstat(fd, &st) == 0 && st.st_size > 0; /* else it has said why */
}

/* ---- a side ---- */

/* A trace begins with an object of JSON. */
static bool is_trace(const char *path)
{
    struct stat st;
    char first = 0;
    int fd = strcmp(path, "-") == 0 ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool regular = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    bool trace = regular && (st.st_size == 0 || (read(fd, &first, 1) == 1 && first == '{'));
    if (fd >= 0)
        close(fd);
    return trace || strcmp(path, "-") == 0;
}

static bool read_trace(const char *path, const char *name, struct compare_side *side)
{
    char why[512];
    struct event event;
    struct model model;
    int result;
    struct replay *replay = replay_open(path, why, sizeof why);
    if (!replay) {
        explain_no_trace(name, why);
        return false;
    }
    struct symbols *symbols = symbols_new(true);
    model_init(&model, symbols);
    model_add_view(&model, compare_side_view(side));
    while ((result = replay_next(replay, &event)) > 0)
        if (!model_event(&model, &event))
            replay_refuse(replay,
                          _("this window of the map contradicts one before it of its look"));
    model_close(&model);
    symbols_free(symbols);
    if (result < 0)
        explain_no_trace(name, replay_error(replay));
    else if (!side->begun)
        explain_no_trace(name, _("it has no process"));
    replay_close(replay);
    return result == 0 && side->begun;
}

static bool read_side(const struct options *o, const char *name, struct compare_column *column,
                      struct compare_side *side)
{
    char path[40];
    const char *trace = name;
    if (!is_trace(name)) {
        if (!run(o, name, path, sizeof path))
            return false;
        trace = path;
    }
    if (!read_trace(trace, name, side))
        return false;
    struct sections s;
    bool known = sections_read(side->exe, &s);
    *column = (struct compare_column){name, side, known, s.file, s.text, s.data, s.bss};
    return true;
}

int compare(const struct options *o)
{
    struct compare_column columns[COMPARE_MOST];
    struct compare_side *sides = memory_get(COMPARE_MOST * sizeof *sides);
    unsigned count = 0;
    bool failed = false;
    for (char **name = o->arguments; *name; name++)
        if (read_side(o, *name, &columns[count], &sides[count]))
            count++;
        else
            failed = true; /* the others are compared all the same */
    if (count < 2)
        return OWN_FAILURE;
    struct output output;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out || !setup_stdout(o, &output))
        return OWN_FAILURE;
    compare_text(out, &output, columns, count);
    fclose(out);
    output_write(&output, text, size);
    free(text);
    memory_put(sides);
    return output_close(&output) || failed ? OWN_FAILURE : 0;
}
