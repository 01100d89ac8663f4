/* Strings that many refer to, each kept once. */
#pragma once

#include "runner/base/table.h"

struct names {
    struct table texts;
};

/* A copy of `text` that lives until names_free(): the same one for the same text. NULL for NULL. */
const char *names_intern(struct names *names, const char *text);
void names_free(struct names *names);
