#include "runner/views/progress.h"
#include "runner/base/now.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#define QUIET_NS 2000000000u /* so long before the first line */
#define LINE_NS 500000000u   /* between two lines */
/* between two looks at what the program writes, while there is a line */
#define CHECK_NS 20000000u
#define PROCESSES 16u /* more that are followed: it would cost too much to look at them */

/* Whether standard output is the terminal. */
static bool is_shared(int fd)
{
    struct stat terminal, out;
    return fstat(fd, &terminal) == 0 && fstat(STDOUT_FILENO, &out) == 0 && S_ISCHR(out.st_mode) &&
           terminal.st_rdev == out.st_rdev;
}

void progress_start(struct progress *p, int fd, bool color)
{
    uint64_t now = now_ns(CLOCK_MONOTONIC);
    *p = (struct progress){.group = getpgrp(),
                           .fd = fd,
                           .color = color,
                           .shared = fd >= 0 && is_shared(fd),
                           .start = now,
                           .quiet = now,
                           .next_line = now + LINE_NS};
}

static void put(const struct progress *p, const char *text)
{
    if (write(p->fd, text, strlen(text)) < 0)
        return; /* then there is no line */
}

/* The cursor's row from the cursor on, where nothing else can be, and the row below. */
void progress_erase(struct progress *p)
{
    if (p->shown)
        put(p, "\0337\033[K\033[B\r\033[K\0338");
    p->shown = false;
    p->quiet = now_ns(CLOCK_MONOTONIC);
}

/* ---- what others do with the terminal ---- */

/* Bytes that a process has written, to whatever: proc(5), /proc/PID/io. */
static bool read_written(uint32_t pid, uint64_t *bytes)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/%" PRIu32 "/io", pid);
    FILE *file = fopen(path, "re");
    bool read = file && fscanf(file, "rchar: %*u wchar: %" SCNu64, bytes) == 1;
    if (file)
        fclose(file);
    return read;
}

/* Whether the program may have written to the terminal since the last look. */
static bool others_wrote(struct progress *p, const struct model *m)
{
    uint64_t sum = 0, bytes;
    for (size_t i = 0; i < m->images.count; i++) {
        if (i == PROCESSES || !read_written(m->images.live[i]->pid, &bytes))
            return true;
        sum += bytes;
    }
    bool wrote = sum != p->written;
    p->written = sum;
    return wrote;
}

/* Whether nobody else has taken the terminal: a shell that reads commands, a program that shows a
 * page or asks for a password. */
static bool is_free(const struct progress *p)
{
    struct termios mode;
    const tcflag_t usual = ICANON | ECHO;
    return tcgetpgrp(p->fd) == p->group && tcgetattr(p->fd, &mode) == 0 &&
           (mode.c_lflag & usual) == usual && (mode.c_oflag & OPOST);
}

/* ---- the line ---- */

static int describe(const struct progress *p, const struct model *m, uint64_t now, char *text,
                    size_t size)
{
    struct total sum = {0};
    char bytes[TEXT_SIZE], processes[40] = "";
    const size_t count = m->images.count;
    for (size_t i = 0; i < count; i++) {
        struct totals t = regions_totals(&m->images.live[i]->map);
        sum.regions += t.program.regions;
        sum.bytes += t.program.bytes;
    }
    if (count > 1)
        snprintf(processes, sizeof processes, _("%zu processes, "), count);
    return snprintf(
        text, size,
        _("procmap-trace: %" PRIu64 " s, %s%" PRIu64 " events, %" PRIu64 " regions, %s mapped"),
        (now - p->start) / 1000000000u, processes, m->seq, sum.regions,
        text_size(bytes, sum.bytes));
}

/* ESC D and ESC M: a row below there is then even at the bottom of the screen. */
static void draw(struct progress *p, const struct model *m, uint64_t now)
{
    char text[160], line[320];
    struct winsize size;
    int length = describe(p, m, now, text, sizeof text);
    if (ioctl(p->fd, TIOCGWINSZ, &size) != 0 || size.ws_col <= length || size.ws_row < 3)
        return progress_erase(p);
    snprintf(line, sizeof line, "\033D\033M\0337\033[B\r\033[K\033[%dC%s%s%s\0338",
             size.ws_col - length - 1, p->color ? "\033[2m" : "", text, p->color ? "\033[0m" : "");
    put(p, line);
    p->shown = true;
}

/* Whether the line, or a new one, is to be seen from now on. What was held back for better times
 * comes first. */
static bool is_due(struct progress *p, struct model *m, uint64_t now)
{
    bool fresh = m->seq != p->events;
    p->events = m->seq;
    p->next_line = now + LINE_NS;
    model_flush(m);
    return fresh && p->quiet <= now && now - p->quiet >= QUIET_NS && is_free(p);
}

static void look(struct progress *p, struct model *m, uint64_t now)
{
    bool wrote = p->shared && others_wrote(p, m);
    p->next_check = now + CHECK_NS;
    if (wrote)
        progress_erase(p);
    if (now < p->next_line)
        return;
    if (is_due(p, m, now))
        draw(p, m, now);
    else if (p->shown)
        progress_erase(p);
}

void progress_tick(struct progress *p, struct model *m, bool idle)
{
    if (p->fd < 0)
        return;
    uint64_t now = now_ns(CLOCK_MONOTONIC);
    if (idle && p->shown)
        progress_erase(p);
    else if (!idle && now >= (p->shown ? p->next_check : p->next_line))
        look(p, m, now);
}
