#include "runner/views/timeline_fatal.h"
#include "runner/base/text.h"
#include "runner/base/translate.h"
#include "runner/views/caller.h"
#include "runner/views/fatal_words.h"
#include "runner/views/timeline_change.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MOST 12u
#define FRAME_SIZE 600u

/* What comes from the program is escaped: control characters, and what would end the line. */
static void write_words(struct timeline *t, const char *words, enum style style)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = words[0] ? open_memstream(&text, &size) : NULL;
    if (!out)
        return;
    text_escape(out, words, strlen(words), 0);
    if (fclose(out) == 0)
        timeline_indented(t, text, style);
    free(text);
}

/* The part of the stack that is told: from what the program called to the outermost function of its
 * own. */
static void part_of(const struct model *m, const struct stack *stack, uint32_t *first,
                    uint32_t *end)
{
    *first = 0;
    *end = stack->count;
    while (*first < stack->count && !caller_is_own(m, stack, *first))
        ++*first;
    if (*first == stack->count) {
        *first = 0;
        return;
    }
    while (!caller_is_own(m, stack, *end - 1))
        --*end;
    *first -= *first > 0;
}

static void write_frame(struct timeline *t, const char *frame, uint32_t times, bool is_first)
{
    char text[FRAME_SIZE + 40];
    int used = snprintf(text, sizeof text, "%s%s", is_first ? _("in ") : "   ", frame);
    if (times > 1)
        snprintf(text + used, sizeof text - (size_t)used, _("  (%" PRIu32 " times)"), times);
    line_indent(&t->lines);
    line_style(&t->lines, STYLE_BLUE);
    text_escape(t->lines.out, text, strlen(text),
                t->lines.width > LINE_INDENT + 20 ? t->lines.width - LINE_INDENT : 20);
    line_end(&t->lines);
}

/* Frames that look alike, as a recursion's do, are one line. */
static void write_stack(struct timeline *t, const struct model *m, uint32_t stack_id)
{
    const struct stack *stack = stacks_find(&m->image->stacks, stack_id);
    char frame[FRAME_SIZE], next[FRAME_SIZE];
    uint32_t first, end, lines = 0, times;
    if (!stack || !stack->count)
        return;
    part_of(m, stack, &first, &end);
    for (uint32_t i = first; i < end && lines < LINES_MOST && end - first > 1;
         i += times, lines++) {
        caller_frame(m, stack, i, frame, sizeof frame);
        for (times = 1; i + times < end; times++) {
            caller_frame(m, stack, i + times, next, sizeof next);
            if (strcmp(frame, next) != 0)
                break;
        }
        write_frame(t, frame, times, i == first);
    }
    if (stack->count == PMT_MAX_FRAMES)
        timeline_indented(t, _("   ... (no more than 64 frames are recorded)"), STYLE_DIM);
}

void timeline_fatal(struct timeline *t, const struct model *m, const struct event *event)
{
    const struct pmt_fatal *f = (const struct pmt_fatal *)event->record;
    const struct place place = last_words_place(m->image, f);
    char words[FATAL_WORDS_SIZE];
    timeline_change_catch_up(t, m);
    t->shown->has_last_words = true;
    fatal_words_headline(m, f, words, sizeof words);
    timeline_call(t, m, event->t_ns, words, f->r.stack_id);
    fatal_words_reason(m, f, words, sizeof words);
    write_words(t, words, STYLE_PLAIN);
    fatal_words_freed_before(m, f, words, sizeof words);
    write_words(t, words, STYLE_PLAIN);
    fatal_words_place(m, f, &place, words, sizeof words);
    write_words(t, words, STYLE_PLAIN);
    fatal_words_block(m, f, &place, words, sizeof words);
    write_words(t, words, STYLE_PLAIN);
    if (f->r.tid != m->image->pid) {
        snprintf(words, sizeof words, _("in thread %" PRIu32), f->r.tid);
        write_words(t, words, STYLE_PLAIN);
    }
    write_stack(t, m, f->r.stack_id);
}
