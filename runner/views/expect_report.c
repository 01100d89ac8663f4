#include "runner/views/expect_report.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/views/caller.h"
#include "runner/views/html_json.h"

/* ---- for people: what does not hold ---- */

static void put_text(struct expect_report *r, const struct demand *d, const char *was,
                     const char *caller)
{
    fputs(_("EXPECTED  "), r->out);
    text_escape(r->out, d->text, strlen(d->text), 0);
    fprintf(r->out, _("\n     was  %s"), was);
    if (*caller) {
        fputs(", ", r->out);
        text_escape(r->out, caller, strlen(caller), 0);
    }
    if (d->source) {
        fputs("  (", r->out);
        text_escape(r->out, d->source, strlen(d->source), 0);
        fprintf(r->out, ":%u)", d->line);
    }
    fputc('\n', r->out);
}

/* ---- for programs ---- */

/* A value of YAML in quotes: what JSON is, YAML is, too. */
static void put_tap(struct expect_report *r, const struct demand *d, bool holds, const char *was,
                    const char *caller)
{
    fprintf(r->out, "%s %zu - ", holds ? "ok" : "not ok", r->told);
    text_escape(r->out, d->text, strlen(d->text), 0);
    fputc('\n', r->out);
    if (holds)
        return;
    fputs("  ---\n  was: ", r->out);
    html_text(r->out, was);
    if (*caller)
        html_key_text(r->out, "\n  at: ", caller);
    if (d->source) {
        html_key_text(r->out, "\n  file: ", d->source);
        fprintf(r->out, "\n  line: %u", d->line);
    }
    fputs("\n  ...\n", r->out);
}

static void put_json(struct expect_report *r, const struct demand *d, bool holds, const char *was,
                     const char *caller)
{
    fputs(r->told > 1 ? "," : "", r->out);
    html_key_text(r->out, "{\"demand\":", d->text);
    fprintf(r->out, ",\"holds\":%s", holds ? "true" : "false");
    html_key_text(r->out, ",\"was\":", was);
    if (*caller)
        html_key_text(r->out, ",\"caller\":", caller);
    if (d->source) {
        html_key_text(r->out, ",\"file\":", d->source);
        fprintf(r->out, ",\"line\":%u", d->line);
    }
    fputs("}", r->out);
}

/* ---- all of it ---- */

void expect_report_begin(struct expect_report *r)
{
    if (r->format == EXPECT_TAP)
        fprintf(r->out, "TAP version 14\n1..%zu\n", r->demands->count);
    if (r->format != EXPECT_JSON)
        return;
    html_key_text(r->out, "{\"version\":1,\"exe\":", r->model->image->exe);
    fputs(",\"demands\":[", r->out);
}

void expect_report_demand(struct expect_report *r, const struct demand *d, uint64_t value,
                          uint32_t stack_id)
{
    char was[40], caller[300] = "";
    bool holds = demand_holds(d, value);
    r->told++;
    r->failed += !holds;
    demand_value(d, value, was, sizeof was);
    if (!holds && stack_id)
        caller_text(r->model, stack_id, caller, sizeof caller);
    if (r->format == EXPECT_TAP)
        put_tap(r, d, holds, was, caller);
    else if (r->format == EXPECT_JSON)
        put_json(r, d, holds, was, caller);
    else if (!holds)
        put_text(r, d, was, caller);
}

void expect_report_end(struct expect_report *r)
{
    if (r->format == EXPECT_JSON)
        fprintf(r->out, "],\"failed\":%zu}\n", r->failed);
    else if (r->format == EXPECT_TEXT)
        fprintf(r->out, _("%zu of %zu demands hold\n"), r->told - r->failed, r->told);
}
