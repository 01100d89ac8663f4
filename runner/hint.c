#include "runner/hint.h"
#include "runner/base/near.h"
#include "runner/base/shell_word.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/program/find.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORD 2000 /* bytes of a name that can be quoted */
#define SAY(out, size, ...) ((void)snprintf(out, size, __VA_ARGS__))

static bool ends(const char *text, const char *with)
{
    size_t length = strlen(text), end = strlen(with);
    return length > end && strcmp(text + length - end, with) == 0;
}

static bool is_file(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool begins(const char *path, const char *with)
{
    char head[16] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t length = fd >= 0 && is_file(path) ? read(fd, head, sizeof head - 1) : 0;
    if (fd >= 0)
        close(fd);
    return length >= (ssize_t)strlen(with) && text_starts(head, with);
}

/* ---- files that are not programs ---- */

/* What makes a program of a source, or runs it. */
static const struct {
    const char *end, *what, *compiler, *runs;
} sources[] = {
    {".c", "C", "gcc", NULL},
    {".cc", "C++", "g++", NULL},
    {".cpp", "C++", "g++", NULL},
    {".cxx", "C++", "g++", NULL},
    {".C", "C++", "g++", NULL},
    {".s", "assembly", "gcc", NULL},
    {".S", "assembly", "gcc", NULL},
    {".rs", "Rust", "rustc", NULL},
    {".py", "Python", NULL, "python3"},
    {".sh", "shell", NULL, "sh"},
    {".pl", "Perl", NULL, "perl"},
    {".rb", "Ruby", NULL, "ruby"},
    {".js", "JavaScript", NULL, "node"},
    {".lua", "Lua", NULL, "lua"},
    {".java", "Java", NULL, "java"},
};

static bool hint_source(const char *name, char *out, size_t size)
{
    char program[PATH_MAX], stem[WORD], source[WORD];
    size_t i = 0, count = is_file(name) ? sizeof sources / sizeof *sources : 0;
    while (i < count && !ends(name, sources[i].end))
        i++;
    if (i >= count)
        return false;
    shell_word(source, sizeof source, name);
    SAY(program, sizeof program, "%.*s", (int)(strlen(name) - strlen(sources[i].end)), name);
    shell_word(stem, sizeof stem, program);
    if (sources[i].runs)
        SAY(out, size, _("it is a %s source: procmap-trace %s %s"), sources[i].what,
            sources[i].runs, source);
    else
        SAY(out, size, _("it is a %s source; compile it first: %s -g %s -o %s; then: %s%s%s"),
            sources[i].what, sources[i].compiler, source, stem, "procmap-trace ",
            strchr(name, '/') ? "" : "./", stem);
    return true;
}

static bool hint_record(const char *name, char *out, size_t size)
{
    if (!begins(name, "{\"type\":"))
        return false;
    char word[WORD];
    shell_word(word, sizeof word, name);
    SAY(out, size, _("it is a trace: procmap-trace show %s"), word);
    return true;
}

static bool hint_executable(const char *name, char *out, size_t size)
{
    if (access(name, X_OK) == 0 || !(begins(name, "\177ELF") || begins(name, "#!")))
        return false;
    char word[WORD];
    shell_word(word, sizeof word, name);
    SAY(out, size, _("to make it executable: chmod +x %s"), word);
    return true;
}

/* ---- words that are not programs ---- */

/* "--json FILE PROGRAM", where it must be --json=FILE; "--json show FILE". */
static bool hint_order(const struct options *o, char *out, size_t size)
{
    const char *name = o->arguments[0], *before = o->arguments[-1]; /* argv[0], if nothing else */
    char path[PATH_MAX], word[WORD];
    bool shows = strcmp(name, "show") == 0 && o->arguments[1];
    shell_word(word, sizeof word, shows ? o->arguments[1] : name);
    if (shows) {
        SAY(out, size, _("show comes first: procmap-trace show [OPTION...] %s"), word);
        return true;
    }
    if (!options_is_view(before) || !o->arguments[1] || find_program(o->arguments[1], path) != 0)
        return false;
    SAY(out, size, _("the file of %s follows without a blank: %s=%s"), before, before, word);
    return true;
}

static bool hint_process(const char *name, char *out, size_t size)
{
    char path[40];
    SAY(path, sizeof path, "/proc/%.20s", name);
    if (!*name || name[strspn(name, "0123456789")] || access(path, F_OK) != 0)
        return false;
    SAY(out, size, _("to look at the running process: procmap-trace -p %s"), name);
    return true;
}

/* A program and its arguments in quotes. */
static bool hint_words(const char *name, char *out, size_t size)
{
    char first[PATH_MAX], path[PATH_MAX];
    size_t length = strcspn(name, " \t");
    if (!name[length] || !length || length >= sizeof first)
        return false;
    SAY(first, sizeof first, "%.*s", (int)length, name);
    if (find_program(first, path) != 0)
        return false;
    SAY(out, size, _("without the quotes it is a program and its arguments: procmap-trace %s"),
        name);
    return true;
}

/* The program of the folder whose name is most like this. */
static bool hint_near(const char *name, char *out, size_t size)
{
    char folder[PATH_MAX], path[2 * PATH_MAX], best[NAME_MAX + 1];
    const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
    SAY(folder, sizeof folder, "%.*s", slash ? (int)(slash + 1 - name) : 2, slash ? name : "./");
    DIR *all = opendir(folder);
    struct near near;
    near_begin(&near, last, best, sizeof best);
    for (struct dirent *entry; all && (entry = readdir(all));) {
        SAY(path, sizeof path, "%s%s", folder, entry->d_name);
        if (near_is_closer(&near, entry->d_name) && find_executable(path) == 0)
            near_take(&near, entry->d_name);
    }
    if (all)
        closedir(all);
    if (!best[0])
        return false;
    char word[WORD];
    SAY(path, sizeof path, "%s%s", folder, best);
    shell_word(word, sizeof word, path);
    SAY(out, size, _("did you mean %s?"), word);
    return true;
}

bool hint_file(const char *path, char *out, size_t size)
{
    out[0] = '\0';
    return hint_source(path, out, size) || hint_record(path, out, size);
}

void hint_program(const struct options *o, char *out, size_t size)
{
    const char *name = o->arguments[0];
    out[0] = '\0';
    if (!hint_order(o, out, size) && !hint_file(name, out, size) &&
        !hint_executable(name, out, size) && !hint_process(name, out, size) &&
        !hint_words(name, out, size))
        hint_near(name, out, size);
}

void hint_trace(const char *path, char *out, size_t size)
{
    char found[PATH_MAX], word[WORD];
    bool program = begins(path, "\177ELF") || begins(path, "#!");
    out[0] = '\0';
    if (!program && (access(path, F_OK) == 0 || find_program(path, found) != 0))
        return;
    shell_word(word, sizeof word, path);
    SAY(out, size,
        _("it is a program, not a trace; record one first: procmap-trace --json=FILE %s%s"),
        program && !strchr(path, '/') ? "./" : "", word);
}
