/* A symbol as bytes, between the process that reads files and the one that asks. */
#pragma once

#include "runner/base/names.h"
#include "runner/symbols/symbol.h"
#include <stdbool.h>
#include <stddef.h>

#define ANSWER_TEXT_MAX 16000u /* of a name, without its end; a longer one is cut */
#define ANSWER_MAX ((1 + SYMBOL_MAX_INLINED) * (sizeof(unsigned) + 2 * (ANSWER_TEXT_MAX + 2)))

#define QUESTION_INVENTORY UINT64_MAX
#define QUESTION_MOMENT (UINT64_MAX - 2) /* behind the path: a zero byte, and its name */
#define QUESTION_SITES (UINT64_MAX - 1)  /* an array of struct site */

struct question {
    uint64_t offset;    /* in the file; QUESTION_INVENTORY: what it has */
    uint32_t path_size; /* of what follows, below 2 * PATH_MAX */
};

/* Returns the size. */
size_t answer_write(const struct symbol *symbol, char out[ANSWER_MAX]);

/* False if the bytes are no answer: who wrote them is not trusted. The strings are those of
 * `names`; the places are to be freed with memory_put(). */
bool answer_read(const char *bytes, size_t size, struct names *names, struct symbol *out);
