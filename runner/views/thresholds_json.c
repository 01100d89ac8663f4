#include "runner/views/thresholds_json.h"
#include "runner/views/caller.h"
#include "runner/views/html_json.h"
#include "schemas/names.h"
#include <inttypes.h>

static const char *const places[PLACE_COUNT] = {"heap", "mmap", "arena"};

static void put_caller(FILE *out, const struct model *m, uint32_t stack_id)
{
    char caller[1000];
    if (caller_text(m, stack_id, caller, sizeof caller))
        html_key_text(out, ",\"caller\":", caller);
}

static void put_moves(FILE *out, const struct model *m, const struct thresholds_sums *s)
{
    fprintf(out, ",\"moves\":%" PRIu64 ",\"thresholds\":[", s->move_count - 1);
    for (uint64_t i = 0; i < s->move_count && i < THRESHOLDS_MOVES; i++) {
        const struct thresholds_move *move = &s->moves[i];
        fprintf(out, "%s{\"t_ns\":%" PRIu64 ",\"mmap\":%" PRIu64 ",\"trim\":%" PRIu64, i ? "," : "",
                move->t_ns, move->mmap, move->trim);
        if (i)
            html_key_text(out, ",\"call\":", move->call ? names_call(move->call) : "mallopt");
        if (i)
            put_caller(out, m, move->stack_id);
        fputc('}', out);
    }
    fputc(']', out);
}

static void put_classes(FILE *out, const struct thresholds_sums *s)
{
    const char *comma = "";
    fputs(",\"classes\":[", out);
    for (unsigned i = 0; i < THRESHOLDS_CLASSES; i++) {
        const uint64_t *n = s->classes[i].blocks;
        if (!n[PLACE_HEAP] && !n[PLACE_MMAP] && !n[PLACE_ARENA])
            continue;
        fprintf(out, "%s{\"from\":%" PRIu64, comma, i ? (uint64_t)1 << i : 0);
        for (unsigned k = 0; k < PLACE_COUNT; k++)
            fprintf(out, ",\"%s\":%" PRIu64, places[k], n[k]);
        fputc('}', out);
        comma = ",";
    }
    fputc(']', out);
}

static void put_others(FILE *out, const struct model *m, const struct thresholds_sums *s)
{
    fprintf(out, ",\"otherwise\":%" PRIu64 ",\"blocks\":[", s->other_count);
    for (uint64_t i = 0; i < s->other_count && i < THRESHOLDS_OTHERS; i++) {
        const struct thresholds_other *o = &s->others[i];
        fprintf(out,
                "%s{\"t_ns\":%" PRIu64 ",\"addr\":\"0x%" PRIx64 "\",\"size\":%" PRIu64
                ",\"threshold\":%" PRIu64 ",\"placement\":\"%s\"",
                i ? "," : "", o->t_ns, o->addr, o->size, o->threshold, places[o->place]);
        if (o->code != REASON_NONE) {
            html_key_text(out, ",\"reason\":", reason_name(o->code));
            html_key_text(out, ",\"why\":", o->why);
        }
        put_caller(out, m, o->stack_id);
        fputc('}', out);
    }
    fputc(']', out);
}

void thresholds_json(FILE *out, const struct model *m, const struct thresholds_sums *s)
{
    const struct image *image = m->image;
    fprintf(out, "{\"version\":1,\"pid\":%" PRIu32 ",\"image\":%" PRIu32 ",\"class\":%u",
            image->pid, image->number, image->word_size * 8);
    html_key_text(out, ",\"exe\":", image->exe);
    put_moves(out, m, s);
    put_classes(out, s);
    put_others(out, m, s);
    fprintf(out, ",\"unknown\":%" PRIu64 "}\n", s->unknown);
}
