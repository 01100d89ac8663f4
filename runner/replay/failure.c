#include "runner/replay/failure.h"
#include "runner/base/text.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void failure_set(struct replay *p, int error, bool with_line, const char *detail)
{
    if (p->failed)
        return;
    p->failed = error;
    FILE *out = fmemopen(p->error, sizeof p->error - 1, "w");
    if (!out)
        return;
    text_escape(out, p->name, strlen(p->name), 200);
    if (with_line)
        fprintf(out, ":%" PRIu64, p->line_number);
    fputs(": ", out);
    text_escape(out, detail, strlen(detail), 0);
    fclose(out);
}

void failure_say(struct replay *p, const char *format, ...)
{
    char detail[256];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    for (char *c = detail; *c; c++)
        if ((unsigned char)*c >= 0x80) /* parts of the trace, not to be trusted on a terminal */
            *c = '?';
    failure_set(p, -EINVAL, true, detail);
}

void failure_field(struct replay *p, const char *key, const char *expected)
{
    const char *dot = key ? "." : "", *name = key ? key : "";
    if (p->list)
        failure_say(p, "field \"%s[%zu]%s%s\": expected %s", p->list, p->index, dot, name,
                    expected);
    else
        failure_say(p, "field \"%s\": expected %s", name, expected);
}
