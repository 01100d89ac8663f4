/* The screen of --quiz. */
#pragma once

#include "runner/views/output.h"
#include "runner/views/where_rows.h"
#include <stdio.h>

#define QUIZ_CHANGES 8u
#define QUIZ_SIZES 8u

/* What is noted of an image. */
struct quiz {
    struct where_rows rows;
    uint64_t stack_at_start;
    char *changes[QUIZ_CHANGES]; /* "heap of 136K, by malloc in main map3.c:24" */
    size_t change_count;         /* also those that have no place */
    struct quiz_size {
        uint64_t size;
        bool in_heap, mapped;
    } sizes[QUIZ_SIZES]; /* of blocks, the largest ones */
    size_t size_count;
};

void quiz_note_look(struct quiz *q, const struct model *m, const struct event *event);
void quiz_note_change(struct quiz *q, const struct model *m, const struct change *change);
void quiz_note_call(struct quiz *q, const struct pmt_alloc *call);
void quiz_free(struct quiz *q);

/* output->answers: with answers, else "?". */
void quiz_text(FILE *out, const struct output *output, const struct model *m, const struct quiz *q);
