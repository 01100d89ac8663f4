#include "runner/replay/replay.h"
#include "runner/base/memory.h"
#include "runner/replay/alloc_line.h"
#include "runner/replay/build.h"
#include "runner/replay/failure.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE (256u << 10)
#define LINE_MAX_SIZE (16u << 20) /* the longest line of the encoder has well below 1 MiB */

static int make_room(struct replay *p)
{
    if (p->at > 0) {
        memmove(p->text, p->text + p->at, p->end - p->at);
        p->end -= p->at;
        p->at = 0;
    }
    if (p->size - p->end >= READ_SIZE)
        return 0;
    if (p->size >= LINE_MAX_SIZE)
        return -EFBIG;
    size_t size = p->size ? 2 * p->size : 2 * READ_SIZE;
    char *text = realloc(p->text, size);
    if (!text)
        return -ENOMEM;
    p->text = text;
    p->size = size;
    return 0;
}

/* Reads more of the file behind what is there. Sets p->eof, returns 0 or -errno. */
static int read_more(struct replay *p)
{
    int error = make_room(p);
    if (error)
        return error;
    ssize_t n;
    do
        n = read(p->fd, p->text + p->end, p->size - p->end);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    p->eof = n == 0;
    p->end += (size_t)n;
    return 0;
}

/* The next line without its newline. Returns 1, 0 at the end of the file or -errno. */
static int next_line(struct replay *p, char **line, size_t *size)
{
    size_t searched = 0;
    char *newline = NULL;
    for (;;) {
        if (p->end - p->at > searched)
            newline = memchr(p->text + p->at + searched, '\n', p->end - p->at - searched);
        if (newline || p->eof)
            break;
        searched = p->end - p->at;
        int error = read_more(p);
        if (error)
            return error;
    }
    if (p->at == p->end)
        return 0;
    *line = p->text + p->at;
    *size = newline ? (size_t)(newline - *line) : p->end - p->at;
    p->at += *size + (newline != NULL);
    p->line_number++;
    return 1;
}

/* The shim pads with newlines; NULs are where it was killed before it could. */
static bool is_blank(const char *line, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r' && line[i] != '\0')
            return false;
    return true;
}

/* Whether the line in hand was the last. Reads on: the line itself is gone then. */
static bool rest_is_blank(struct replay *p)
{
    uint64_t line_number = p->line_number;
    char *line = NULL;
    size_t size = 0;
    bool blank = true;
    while (blank && next_line(p, &line, &size) > 0)
        blank = is_blank(line, size);
    p->line_number = line_number;
    return blank;
}

/* Digits of a positive integer above INT64_MAX at line[at], 0 if there is none. */
static size_t large_integer(const char *line, size_t size, size_t at)
{
    static const char max[] = "9223372036854775807";
    size_t digits = 0, max_digits = sizeof max - 1;
    if (at > 0 && strchr("+-.0123456789", line[at - 1]))
        return 0;
    while (at + digits < size && line[at + digits] >= '0' && line[at + digits] <= '9')
        digits++;
    if (digits > max_digits || (digits == max_digits && memcmp(line + at, max, max_digits) > 0))
        return digits;
    return 0;
}

/* jansson's integers are signed: it refuses those above INT64_MAX (calloc of sizes that overflow).
 * A copy of the line with these as strings, which to_unsigned() understands. To be freed; NULL
 * without memory. */
static char *quote_integers(const char *line, size_t size, size_t *out_size)
{
    char *copy = malloc(size + size / 8 + 2); /* two quotes for 19 digits and more */
    size_t n = 0;
    bool in_string = false;
    for (size_t i = 0; copy && i < size;) {
        size_t digits = in_string ? 0 : large_integer(line, size, i);
        size_t length = digits ? digits : line[i] == '\\' && i + 1 < size ? 2 : 1;
        if (line[i] == '"')
            in_string = !in_string;
        if (digits)
            copy[n++] = '"';
        memcpy(copy + n, line + i, length);
        n += length;
        if (digits)
            copy[n++] = '"';
        i += length;
    }
    *out_size = n;
    return copy;
}

static json_t *parse(struct replay *p, const char *line, size_t size, json_error_t *error)
{
    size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
    json_t *event = json_loadb(line, size, flags, error);
    p->quoted = !event && json_error_code(error) == json_error_numeric_overflow;
    if (!p->quoted)
        return event;
    char *copy = quote_integers(line, size, &size);
    if (copy)
        event = json_loadb(copy, size, flags, error);
    else
        failure_set(p, -ENOMEM, false, strerror(ENOMEM));
    free(copy);
    return event;
}

/* Whether the line is the beginning of an event. The last line of a trace may have been cut off
 * anywhere, also where jansson has another name for it, as in the middle of `true`. */
static bool is_cut(struct replay *p, const char *line, size_t size, const json_error_t *error)
{
    if (line[0] != '{')
        return false;
    return json_error_code(error) == json_error_premature_end_of_input ||
           (line[size - 1] != '}' && rest_is_blank(p));
}

/* Returns as build_event(). */
static bool parse_event(struct replay *p, const char *line, size_t size, struct event *out)
{
    json_error_t error;
    json_t *event = parse(p, line, size, &error);
    bool built = false;
    if (json_is_object(event))
        built = build_event(p, event, out);
    else if (event)
        failure_say(p, "expected an event, a JSON object");
    else if (json_error_code(&error) == json_error_out_of_memory)
        failure_set(p, -ENOMEM, false, strerror(ENOMEM));
    else if (is_cut(p, line, size, &error))
        failure_say(p, "ends in the middle of an event");
    else
        failure_say(p, "not JSON: %s, at byte %d", error.text, error.position);
    json_decref(event);
    return built;
}

int replay_next(struct replay *p, struct event *out)
{
    char *line = NULL;
    size_t size = 0;
    while (!p->failed) {
        int got = next_line(p, &line, &size);
        if (got == -EFBIG) {
            p->line_number++;
            failure_say(p, "a line of more than %u MiB is not an event", LINE_MAX_SIZE >> 20);
        } else if (got < 0) {
            failure_set(p, got, false, strerror(-got));
        } else if (got == 0 && !p->word_size) {
            failure_set(p, -EINVAL, false, "no event in it: not a trace, or nothing was traced");
        } else if (got == 0) {
            return 0;
        } else if (!is_blank(line, size)) {
            if (alloc_line_read(p, line, size, out) || parse_event(p, line, size, out))
                return 1;
        }
    }
    return p->failed;
}

void replay_refuse(struct replay *p, const char *why)
{
    failure_say(p, "%s", why);
}

const char *replay_error(const struct replay *p)
{
    return p->error;
}

struct replay *replay_open(const char *path, char *why, size_t size)
{
    bool standard_input = strcmp(path, "-") == 0;
    struct replay *p = memory_get(sizeof *p);
    p->name = memory_text(standard_input ? "standard input" : path);
    p->fd =
        standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC);
    if (p->fd >= 0)
        return p;
    failure_set(p, -errno, false, strerror(errno));
    snprintf(why, size, "%s", p->error);
    replay_close(p);
    return NULL;
}

void replay_close(struct replay *p)
{
    if (!p)
        return;
    if (p->fd >= 0)
        close(p->fd);
    names_free(&p->names);
    memory_put(p->images);
    free(p->text);
    memory_put(p->name);
    memory_put(p);
}
