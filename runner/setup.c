#include "runner/setup.h"
#include "runner/base/create_file.h"
#include "runner/explain.h"
#include "runner/views/expect.h"
#include "runner/views/progress.h"
#include "runner/views/views.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_WITHOUT_TERMINAL 100

static struct progress progress = {.fd = -1};

void setup_erase_progress(void)
{
    progress_erase(&progress);
}

static void on_tick(struct model *m, bool idle)
{
    progress_tick(&progress, m, idle);
}

/* A descriptor of its own on a file, or a copy of descriptor `fd` where no file is named; -1 after
 * a message. */
static int open_output(const char *file, int fd)
{
    bool named = file && strcmp(file, "-") != 0;
    if (file && !named)
        fd = STDOUT_FILENO;
    int own = named ? create_file(file) : fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (own < 0)
        explain(file ? file : "standard output", "cannot write: %s",
                strerror(named ? -own : errno));
    return own;
}

static unsigned terminal_width(int fd)
{
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    long width = columns ? strtol(columns, NULL, 10) : 0;
    return width > 0 && width < 10000 ? (unsigned)width : WIDTH_WITHOUT_TERMINAL;
}

static bool is_dumb(void)
{
    const char *term = getenv("TERM");
    return term && strcmp(term, "dumb") == 0;
}

/* Whether a terminal is to get its colours. */
static bool is_coloured(int fd, const struct options *o)
{
    const char *no_color = getenv("NO_COLOR");
    bool terminal = isatty(fd) && !(no_color && *no_color) && !is_dumb();
    return o->color < 0 ? terminal : o->color == 1;
}

/* By the names of locale(7): the locale itself need not be there. */
static bool is_utf8(void)
{
    const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    const char *locale = NULL;
    for (unsigned i = 0; i < 3 && (!locale || !*locale); i++)
        locale = getenv(names[i]);
    return locale && (strcasestr(locale, "UTF-8") || strcasestr(locale, "UTF8"));
}

/* Of the timeline, on a terminal. */
static unsigned long timeline_lines;

static bool add_view(struct model *m, const struct options *o, unsigned which)
{
    bool for_people = which != VIEW_JSON && which != VIEW_HTML && !o->views[which].json;
    bool to_error = for_people && !o->show;
    int fd = open_output(o->views[which].file, to_error ? STDERR_FILENO : STDOUT_FILENO);
    if (fd < 0)
        return false;
    bool on_terminal = progress.fd >= 0 && isatty(fd);
    struct output output = {.fd = fd,
                            .color = is_coloured(fd, o),
                            .width = terminal_width(fd),
                            .resized = isatty(fd),
                            .yields = !o->show && isatty(fd),
                            .all = o->all,
                            .json = o->views[which].json,
                            .ascii = o->ascii || !is_utf8(),
                            .if_long = which == VIEW_SUMMARY && !o->views[which].wanted,
                            .names = o->where_names,
                            .answers = o->answers,
                            .no_source = o->no_html_source,
                            .before_write = on_terminal ? setup_erase_progress : NULL};
    if ((which == VIEW_TIMELINE && isatty(fd)) || output.if_long)
        output.lines = &timeline_lines;
    struct view *view = views_new(which, &output);
    if (view)
        model_add_view(m, view);
    return view != NULL;
}

bool setup_stdout(const struct options *o, struct output *output)
{
    int fd = open_output(NULL, STDOUT_FILENO);
    if (fd < 0)
        return false;
    *output = (struct output){.fd = fd,
                              .color = is_coloured(fd, o),
                              .width = terminal_width(fd),
                              .resized = isatty(fd),
                              .all = o->all};
    return true;
}

/* Who reads the events from standard output may print, too. */
void setup_progress(struct model *m, const struct options *o)
{
    if (o->show || o->quiet || options_data_on_stdout(o) || is_dumb() || !isatty(STDERR_FILENO))
        return;
    explain_over(&progress);
    progress_start(&progress, STDERR_FILENO, is_coloured(STDERR_FILENO, o));
    m->tick = on_tick;
}

bool setup_demands(struct model *m, const struct options *o, size_t *failed)
{
    if (!o->demands.count)
        return true;
    bool is_text = o->expect_format == EXPECT_TEXT;
    int fd = open_output(NULL, is_text ? STDERR_FILENO : STDOUT_FILENO);
    if (fd < 0)
        return false;
    bool on_terminal = progress.fd >= 0 && isatty(fd);
    struct output output = {.fd = fd,
                            .width = terminal_width(fd),
                            .before_write = on_terminal ? setup_erase_progress : NULL};
    model_add_view(
        m, expect_view_new(&output, &o->demands, (enum expect_format)o->expect_format, failed));
    return true;
}

/* Whether the view comes without being asked for: the timeline, and the summary behind it where
 * somebody looks at a screen. */
static bool is_usual(const struct options *o, unsigned which)
{
    bool instead = (o->views[VIEW_SUMMARY].wanted && !o->views[VIEW_SUMMARY].file) ||
                   (o->views[VIEW_THRESHOLDS].wanted && !o->views[VIEW_THRESHOLDS].file) ||
                   (o->views[VIEW_WHERE].wanted && !o->views[VIEW_WHERE].file) ||
                   (o->views[VIEW_RESIDENT].wanted && !o->views[VIEW_RESIDENT].file) ||
                   (o->views[VIEW_QUIZ].wanted && !o->views[VIEW_QUIZ].file);
    if (o->quiet || options_data_on_stdout(o) || instead)
        return false;
    bool asked = o->views[VIEW_TIMELINE].wanted;
    int fd = o->show ? STDOUT_FILENO : STDERR_FILENO;
    return which == VIEW_TIMELINE || (which == VIEW_SUMMARY && !asked && isatty(fd));
}

static bool add_export(struct model *m, const struct options *o, unsigned format)
{
    int fd = open_output(o->exports[format].file, STDOUT_FILENO);
    if (fd < 0)
        return false;
    struct output output = {.fd = fd};
    model_add_view(m, export_view_new(&output, (enum export_format)format));
    return true;
}

bool setup_views(struct model *m, const struct options *o)
{
    for (unsigned i = 0; i < EXPORT_FORMAT_COUNT; i++)
        if (o->exports[i].wanted && !add_export(m, o, i))
            return false;
    for (unsigned i = 0; i < VIEW_COUNT; i++)
        if ((o->views[i].wanted || is_usual(o, i)) && !add_view(m, o, i))
            return false;
    return true;
}
